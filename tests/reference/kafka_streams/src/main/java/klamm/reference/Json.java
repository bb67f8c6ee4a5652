package klamm.reference;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The little JSON that the cases need: keys hold nothing that must be escaped. */
final class Json {
    private Json() {
    }

    static String text(String s) {
        return s == null ? "null" : "\"" + s + "\"";
    }

    static <T> String list(List<T> items, Function<T, String> item) {
        return items.stream().map(item).collect(Collectors.joining(",", "[", "]"));
    }

    static String rows(List<Row> rows) {
        return list(rows, r -> "[" + text(r.key()) + "," + r.time() + "," + r.x() + "]");
    }

    static String sidedRows(List<Row> rows) {
        return list(rows, r -> "[" + (r.right() ? 1 : 0) + "," + text(r.key()) + "," + r.time() + "," + r.x() + "]");
    }
}
