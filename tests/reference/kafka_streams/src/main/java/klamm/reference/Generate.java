package klamm.reference;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.streams.kstream.EmitStrategy;

/**
 * Writes KIND.jsonl.gz for each kind of window and join of streams or tables, one case a line: its seed, its settings, the
 * rows, and what came out of Kafka Streams. The same seed always gives the same line.
 */
public final class Generate {
    private static final long[] SIZES = {1, 2, 3, 10, 10, 10, 25, 1000};

    private Generate() {
    }

    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        long first = Long.parseLong(args[1]);
        int count = Integer.parseInt(args[2]);
        for (String kind : List.of("tumbling", "hopping", "sliding", "session")) {
            write(folder, kind, first, count, Generate::windowCase);
        }
        for (String type : List.of("inner", "left", "outer")) {
            write(folder, type, first, count, Generate::joinCase);
            write(folder, "table_" + type, first, count, Generate::tableCase);
        }
    }

    private interface CaseMaker {
        /** One line; null where the case is left out. */
        String make(String kind, long seed) throws IOException;
    }

    private static void write(Path folder, String kind, long first, int count, CaseMaker maker) throws IOException {
        int made = 0;
        long seed = first;
        try (PrintStream out = new PrintStream(new GZIPOutputStream(
                Files.newOutputStream(folder.resolve(kind + ".jsonl.gz"))), false, StandardCharsets.UTF_8)) {
            for (; made < count; seed++) {
                String line = maker.make(kind, seed);
                if (line != null) {
                    out.print(line + "\n");
                    made++;
                }
            }
        }
        System.out.printf("%s: %d cases from %d seeds%n", kind, made, seed - first);
    }

    private static long pick(Random random, long... of) {
        return of[random.nextInt(of.length)];
    }

    private static Random randomOf(String kind, long seed) {
        return new Random(seed * 1_000_003 + kind.hashCode());
    }

    private static String windowCase(String kind, long seed) throws IOException {
        Random random = randomOf(kind, seed);
        long size = pick(random, SIZES);
        long step = kind.equals("hopping") ? Math.max(1, size / 6) + random.nextInt((int) size) : size;
        step = Math.min(step, size);
        long grace = pick(random, 0, 0, 1, size / 2, size, 3 * size);
        List<Row> rows = Rows.of(random, size, step, grace);
        Windows windows = new Windows(kind, size, step, grace);
        List<Result> results = windows.run(rows, EmitStrategy.onWindowClose());
        List<Result> updates = windows.run(rows, EmitStrategy.onWindowUpdate());
        if (kind.equals("sliding") && !isAsDefined(seed, rows, windows, results, updates)) {
            return null;
        }
        return String.format(
            "{\"seed\":%d,\"size\":%d,\"every\":%d,\"grace\":%d,\"rows\":%s,\"final\":%s,\"updates\":%s}",
            seed, size, step, grace, Json.rows(rows), Json.list(results, Result::json),
            Json.list(updates, Result::json));
    }

    private static boolean isAsDefined(long seed, List<Row> rows, Windows windows, List<Result> results,
                                       List<Result> updates) {
        SlidingDefinition defined = new SlidingDefinition(rows, windows.size(), windows.grace());
        boolean isEqual = results.equals(defined.results)
            && sorted(updates).equals(sorted(SlidingDefinition.flat(defined.updates)));
        if (!isEqual && isInOrder(rows)) {
            throw new IllegalStateException("sliding, seed " + seed + ": no late rows, yet not as defined");
        }
        return isEqual;
    }

    /**
     * In one order, and each update once: a window that is the left one of a row and the right one of
     * the row size + 1 before it comes out twice, with the same count, when the later row makes it.
     */
    private static List<Result> sorted(List<Result> list) {
        List<Result> sorted = new ArrayList<>(new LinkedHashSet<>(list));
        sorted.sort(Result.ORDER.thenComparing(r -> r.stats().n()).thenComparing(Comparator.comparing(Result::json)));
        return sorted;
    }

    private static boolean isInOrder(List<Row> rows) {
        List<Long> times = rows.stream().filter(r -> r.key() != null).map(Row::time).toList();
        return times.equals(times.stream().sorted().toList());
    }

    private static String tableCase(String type, long seed) throws IOException {
        List<Row> rows = Rows.ofTables(randomOf(type, seed));
        return String.format("{\"seed\":%d,\"rows\":%s,\"results\":%s}", seed, Json.sidedRows(rows),
            Tables.run(type, rows));
    }

    private static String joinCase(String type, long seed) throws IOException {
        Random random = randomOf(type, seed);
        long before = pick(random, SIZES);
        long after = random.nextInt(4) > 0 ? before : 1 + random.nextInt((int) (2 * before));
        long grace = pick(random, 0, 1, before / 2, before, before, 3 * before);
        long late = Math.min(Math.min(before, after), grace);
        List<Row> rows = Rows.ofTwo(random, random.nextBoolean() ? before : after, grace, late);
        List<Joins.Joined> results = new Joins(type, before, after, grace).run(rows);
        return String.format("{\"seed\":%d,\"before\":%d,\"after\":%d,\"grace\":%d,\"rows\":%s,\"results\":%s}",
            seed, before, after, grace, Json.sidedRows(rows), Json.list(results, Joins.Joined::json));
    }
}
