package klamm.reference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Sliding windows by their definition, slowly: which windows exist and what they hold is found anew
 * from all accepted rows. Cases in which Kafka Streams' algorithm gives something else, which happens
 * only with late rows, are left out of the comparison.
 *
 * <p>A window is known by its end. A row at t makes the window [t - size, t], or [0, size] where t is
 * less than size, if that is open when it comes, and [t + 1, t + 1 + size], which exists once it holds
 * a row. A window holds each accepted row in its bounds that came before it closed.
 */
final class SlidingDefinition {
    private record Accepted(long time, long x, long now) {
    }

    private final long size;
    private final long grace;
    private final Map<String, List<Accepted>> accepted = new HashMap<>();
    final List<Result> results = new ArrayList<>();
    /** What comes out at each row, in the order of ends. */
    final List<List<Result>> updates = new ArrayList<>();

    SlidingDefinition(List<Row> rows, long size, long grace) {
        this.size = size;
        this.grace = grace;
        long now = -1;
        for (Row r : rows) {
            if (r.key() != null) {
                now = Math.max(now, r.time());
                updates.add(accept(r, now));
            }
        }
        accepted.forEach((key, list) -> ends(list).forEach(end -> results.add(result(key, list, end))));
        results.sort(Result.ORDER);
    }

    private boolean isOpen(long end, long now) {
        return now <= end + grace;
    }

    private List<Result> accept(Row r, long now) {
        List<Result> out = new ArrayList<>();
        if (now > r.time() + size + grace) {
            return out;
        }
        List<Accepted> list = accepted.computeIfAbsent(r.key(), k -> new ArrayList<>());
        TreeSet<Long> before = ends(list);
        list.add(new Accepted(r.time(), r.x(), now));
        long right = r.time() + 1 + size;
        for (long end : ends(list)) {
            boolean holdsRow = end - size <= r.time() && r.time() <= end;
            boolean isMade = end == right && !before.contains(end);
            if (isOpen(end, now) && (holdsRow || isMade)) {
                out.add(result(r.key(), list, end));
            }
        }
        return out;
    }

    private TreeSet<Long> ends(List<Accepted> list) {
        TreeSet<Long> ends = new TreeSet<>();
        for (Accepted a : list) {
            long left = Math.max(size, a.time);
            if (isOpen(left, a.now)) {
                ends.add(left);
            }
            if (stats(list, a.time + 1 + size).n() > 0) {
                ends.add(a.time + 1 + size);
            }
        }
        return ends;
    }

    private Stats stats(List<Accepted> list, long end) {
        Stats s = Stats.NONE;
        for (Accepted a : list) {
            if (end - size <= a.time && a.time <= end && isOpen(end, a.now)) {
                s = s.with(a.x);
            }
        }
        return s;
    }

    private Result result(String key, List<Accepted> list, long end) {
        return new Result(key, end - size, end, stats(list, end));
    }

    /** All updates, in one order whatever that of the windows of a row. */
    static List<Result> flat(List<List<Result>> updates) {
        return updates.stream().flatMap(List::stream).toList();
    }
}
