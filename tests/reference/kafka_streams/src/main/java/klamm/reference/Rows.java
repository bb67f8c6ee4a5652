package klamm.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Rows of a few keys, most of whose times stand in a relation to an earlier row: the same, an edge of
 * its window, a distance at which sessions touch or part, late by just as much as is allowed and by
 * one more, between two rows that they bridge, or far ahead of all. Mostly the key is that row's, too.
 */
final class Rows {
    /** Texts whose order as UTF-8 is neither that of UTF-16 nor that of their lengths. */
    private static final String[] KEYS = {"a", "aa", "b", "B", "\u00e9", "\uff5e", "\ud834\udd1e"};
    private static final long[] BASES = {0, 0, 7, 1_000, 1_699_999_999_995L};

    private final Random random;
    private final long unit;
    private final long step;
    private final long grace;
    private final List<Row> before = new ArrayList<>();
    private final String[] keys;
    private final long base;
    private long now;
    private String related; /* key of the row that the time relates to; null: none */

    /** unit: size, gap or how far apart partners may be; step: from one window start to the next. */
    Rows(Random random, long unit, long step, long grace) {
        this.random = random;
        this.unit = unit;
        this.step = step;
        this.grace = grace;
        this.base = BASES[random.nextInt(BASES.length)];
        this.now = base;
        this.keys = new String[1 + random.nextInt(4)];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = KEYS[random.nextInt(KEYS.length)];
        }
    }

    private long below(long bound) {
        return bound <= 0 ? 0 : (long) (random.nextDouble() * bound);
    }

    private long earlier() {
        int n = before.size();
        if (n == 0) {
            return base;
        }
        Row row = before.get(Math.max(0, n - 1 - random.nextInt(6)));
        related = row.key();
        return row.time();
    }

    private long edge() {
        long jitter = random.nextInt(3) - 1;
        long from = earlier();
        long start = Math.floorDiv(from, step) * step;
        return jitter + switch (random.nextInt(10)) {
            case 0 -> from + unit;
            case 1 -> from - unit;
            case 2 -> from + unit + grace;
            case 3 -> start;
            case 4 -> start + unit;
            case 5 -> start + unit + grace;
            case 6 -> now - grace;
            case 7 -> now - unit - grace;
            case 8 -> now - unit;
            default -> from + 2 * unit;
        };
    }

    /** Between two rows of one key that are further apart than the unit, but not by more than two. */
    private long bridge() {
        List<Row[]> pairs = new ArrayList<>();
        List<Row> recent = before.subList(Math.max(0, before.size() - 12), before.size());
        for (Row a : recent) {
            for (Row b : recent) {
                long apart = b.time() - a.time();
                if (a.key().equals(b.key()) && apart > unit && apart <= 2 * unit) {
                    pairs.add(new Row[] {a, b});
                }
            }
        }
        if (pairs.isEmpty()) {
            return now + unit + 1 + below(unit);
        }
        Row[] pair = pairs.get(random.nextInt(pairs.size()));
        related = pair[0].key();
        return (pair[0].time() + pair[1].time()) / 2;
    }

    private String nextKey() {
        return related != null && random.nextInt(4) > 0 ? related : keys[random.nextInt(keys.length)];
    }

    private long nextTime() {
        int kind = random.nextInt(100);
        if (kind < 30) {
            return now + below(unit / 2 + 2);
        } else if (kind < 42) {
            return earlier();
        } else if (kind < 72) {
            return edge();
        } else if (kind < 84) {
            return bridge();
        } else if (kind < 94) {
            return now - below(unit + grace + 2);
        } else {
            return now + 3 * unit + below(40 * unit);
        }
    }

    /**
     * The next row; at most `late` behind the largest time so far. Few have no key, or no value; these
     * are never ahead of all, as Kafka Streams drops them before it looks at their time.
     */
    Row next(boolean right, long late, boolean withoutValues) {
        related = null;
        long time = Math.max(Math.max(0, nextTime()), now - late);
        String key = nextKey();
        Long x = (long) random.nextInt(100) - 40;
        boolean isBehind = !before.isEmpty() && time <= now;
        if (isBehind && random.nextInt(25) == 0) {
            return new Row(right, null, time, x);
        }
        if (isBehind && withoutValues && random.nextInt(25) == 0) {
            return new Row(right, key, time, null);
        }
        Row row = new Row(right, key, time, x);
        now = before.isEmpty() ? time : Math.max(now, time);
        before.add(row);
        return row;
    }

    static List<Row> of(Random random, long unit, long step, long grace) {
        Rows rows = new Rows(random, unit, step, grace);
        long late = random.nextInt(5) == 0 ? 0 : Long.MAX_VALUE / 2;
        List<Row> list = new ArrayList<>();
        for (int n = 12 + random.nextInt(25); n > 0; n--) {
            list.add(rows.next(false, late, false));
        }
        return list;
    }

    /**
     * Rows of the two sides of a join. With rows that are later than its interval or its grace, Kafka
     * Streams gives what no definition asks for; with these, every join gives the same.
     */
    static List<Row> ofTwo(Random random, long within, long grace, long late) {
        Rows rows = new Rows(random, within, within, grace);
        List<Row> list = new ArrayList<>();
        for (int n = 16 + random.nextInt(30); n > 0; n--) {
            list.add(rows.next(random.nextBoolean(), late, true));
        }
        return list;
    }

    /** Changes of two tables, in any order of time; many delete, some of these nothing. */
    static List<Row> ofTables(Random random) {
        long unit = 1 + random.nextInt(50);
        Rows rows = new Rows(random, unit, unit, random.nextInt(20));
        List<Row> list = new ArrayList<>();
        for (int n = 16 + random.nextInt(40); n > 0; n--) {
            Row row = rows.next(random.nextBoolean(), Long.MAX_VALUE / 2, false);
            boolean isDeletion = row.key() != null && random.nextInt(100) < 30;
            list.add(isDeletion ? new Row(row.right(), row.key(), row.time(), null) : row);
        }
        return list;
    }

    /** The time of a row behind all that closes everything. */
    static long end(List<Row> rows, long unit, long grace) {
        return rows.stream().mapToLong(Row::time).max().orElse(0) + 3 * unit + grace + 1000;
    }
}
