package klamm.reference;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.SessionBytesStoreSupplier;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.internals.RocksDbTimeOrderedSessionBytesStoreSupplier;

/**
 * Kafka Streams' session store with a retention that never ends. The processor relies on the retention
 * to hide closed sessions from rows; here the search by key leaves out those that end before
 * {@code largest end - (gap + grace)}, and nothing else is ever hidden or lost.
 */
final class OpenSessions implements SessionStore<Bytes, byte[]> {
    private final SessionStore<Bytes, byte[]> store;
    private final long wait;
    private long largestEnd = -1;

    private OpenSessions(SessionStore<Bytes, byte[]> store, long wait) {
        this.store = store;
        this.wait = wait;
    }

    static SessionBytesStoreSupplier supplier(long gap, long grace) {
        var forever = new RocksDbTimeOrderedSessionBytesStoreSupplier("sessions", Windows.FOREVER.toMillis(), true);
        return new SessionBytesStoreSupplier() {
            @Override
            public SessionStore<Bytes, byte[]> get() {
                return new OpenSessions(forever.get(), gap + grace);
            }

            @Override
            public String name() {
                return forever.name();
            }

            @Override
            public String metricsScope() {
                return forever.metricsScope();
            }

            @Override
            public long segmentIntervalMs() {
                return forever.segmentIntervalMs();
            }

            @Override
            public long retentionPeriod() {
                return forever.retentionPeriod();
            }
        };
    }

    @Override
    public KeyValueIterator<Windowed<Bytes>, byte[]> findSessions(Bytes key, long leastEnd, long greatestStart) {
        return store.findSessions(key, Math.max(leastEnd, largestEnd - wait), greatestStart);
    }

    @Override
    public KeyValueIterator<Windowed<Bytes>, byte[]> findSessions(long leastEnd, long greatestEnd) {
        return store.findSessions(leastEnd, greatestEnd);
    }

    @Override
    public void put(Windowed<Bytes> session, byte[] aggregate) {
        largestEnd = Math.max(largestEnd, session.window().end());
        store.put(session, aggregate);
    }

    @Override
    public void remove(Windowed<Bytes> session) {
        store.remove(session);
    }

    @Override
    public byte[] fetchSession(Bytes key, long start, long end) {
        return store.fetchSession(key, start, end);
    }

    @Override
    public KeyValueIterator<Windowed<Bytes>, byte[]> fetch(Bytes key) {
        return store.fetch(key);
    }

    @Override
    public KeyValueIterator<Windowed<Bytes>, byte[]> fetch(Bytes from, Bytes to) {
        return store.fetch(from, to);
    }

    @Override
    public String name() {
        return store.name();
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        store.init(context, root);
    }

    @Override
    public void flush() {
        store.flush();
    }

    @Override
    public void close() {
        store.close();
    }

    @Override
    public boolean persistent() {
        return store.persistent();
    }

    @Override
    public boolean isOpen() {
        return store.isOpen();
    }

    @Override
    public Position getPosition() {
        return store.getPosition();
    }
}
