package klamm.reference;

import java.util.Comparator;

/** What comes out for a window: `stats` null where it is deleted. */
record Result(String key, long start, long end, Stats stats) {
    static final Comparator<Result> ORDER = Comparator.comparingLong(Result::end)
        .thenComparingLong(Result::start)
        .thenComparing(r -> r.key().getBytes(java.nio.charset.StandardCharsets.UTF_8),
            java.util.Arrays::compareUnsigned);

    String json() {
        String window = "[" + Json.text(key) + "," + start + "," + end;
        return stats == null ? window + "]"
            : window + "," + stats.n() + "," + stats.sum() + "," + stats.min() + "," + stats.max() + "]";
    }
}
