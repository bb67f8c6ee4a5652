package klamm.bench;

import java.util.HashMap;
import java.util.Map;

/** The words key=value of a command line. */
public final class Options {
    private final Map<String, String> values = new HashMap<>();

    public Options(String[] words) {
        for (String word : words) {
            int at = word.indexOf('=');
            values.put(word.substring(0, at), word.substring(at + 1));
        }
    }

    public String get(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException(key + "= is missing");
        }
        return value;
    }

    public String get(String key, String otherwise) {
        return values.getOrDefault(key, otherwise);
    }

    /** Says that all is committed, and ends the process: there is nothing left that closing could lose. */
    public static void done() {
        System.out.println("{\"done_ms\": " + System.currentTimeMillis() + "}");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
