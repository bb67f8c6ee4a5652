package klamm.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;

/**
 * Records as they stand on the topics: a zero byte, the schema's number in four bytes, Avro. Holds buffers, so each
 * thread has its own.
 */
public final class Wire {
    private static final int SAMPLE = 1;
    private static final int JOINED = 5;
    private static final int HEADER = 5;

    private final SpecificDatumReader<MetricSample> reader = new SpecificDatumReader<>(MetricSample.class);
    private final SpecificDatumWriter<Joined> writer = new SpecificDatumWriter<>(Joined.class);
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
    private final byte[] header = ByteBuffer.allocate(HEADER).put((byte) 0).putInt(JOINED).array();
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;

    /** Fills `into` or, where that is null, a new sample. */
    public MetricSample sample(byte[] record, MetricSample into) {
        ByteBuffer head = ByteBuffer.wrap(record);
        if (record.length < HEADER || head.get() != 0 || head.getInt() != SAMPLE) {
            throw new IllegalArgumentException("a record that is no sample");
        }
        decoder = DecoderFactory.get().binaryDecoder(record, HEADER, record.length - HEADER, decoder);
        try {
            return reader.read(into, decoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public byte[] joined(Joined row) {
        bytes.reset();
        bytes.write(header, 0, HEADER);
        encoder = EncoderFactory.get().directBinaryEncoder(bytes, encoder);
        try {
            writer.write(row, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
