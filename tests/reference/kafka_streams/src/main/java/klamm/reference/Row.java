package klamm.reference;

/** A row of the input; `right` only in joins, `key` and `x` may be null. */
record Row(boolean right, String key, long time, Long x) {
    Row(String key, long time, long x) {
        this(false, key, time, x);
    }
}
