import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;

final class Produces {
  static void add(Map<String, Check.Body> checks) {
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) checks.put("produce: codec " + codec, check -> codec(check, codec));
    checks.put("produce: acks", Produces::acks);
    checks.put("produce: idempotent", Produces::idempotent);
    checks.put("produce: headers and nulls", Produces::parts);
    checks.put("produce: big messages", Produces::big);
    checks.put("produce: partitioners", Produces::partitioners);
    checks.put("produce: timestamps", Produces::timestamps);
    checks.put("produce: topics that are not there", Produces::unknown);
    checks.put("produce: a topic's own codec", Produces::topicCodec);
  }

  static void codec(Check check, String codec) throws Exception {
    String a = check.topic("a", 1);
    KafkaProducer<String, String> producer = check.producer("compression.type", codec, "linger.ms", "50", "batch.size", "100000");
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int i = 0; i < 1000; i++) sent.add(producer.send(new ProducerRecord<>(a, 0, null, "k" + i, "value " + i + " " + "나".repeat(i % 60))));
    producer.flush();
    for (int i = 0; i < 1000; i++)
      if (sent.get(i).get().offset() != i) throw new AssertionError(i + " is at " + sent.get(i).get().offset());
    KafkaConsumer<String, String> consumer = check.consumer();
    consumer.assign(List.of(Check.at(a, 0)));
    List<ConsumerRecord<String, String>> records = Check.read(consumer, 1000);
    check.saw("values", Check.values(records).hashCode());
    check.saw("last", records.get(999).key() + " " + records.get(999).offset() + " " + records.get(999).value().length());
  }

  static void acks(Check check) throws Exception {
    String a = check.topic("a", 1);
    KafkaConsumer<String, String> consumer = check.consumer();
    consumer.assign(List.of(Check.at(a, 0)));
    for (String acks : List.of("0", "1", "all")) {
      KafkaProducer<String, String> producer = check.producer("acks", acks, "enable.idempotence", "false", "linger.ms", "0");
      for (int i = 0; i < 3; i++) {
        RecordMetadata metadata = producer.send(new ProducerRecord<>(a, 0, "k", acks)).get();
        check.saw("acks " + acks, metadata.hasOffset() + " " + metadata.offset() + " " + metadata.hasTimestamp() + " " + metadata.serializedValueSize());
      }
      producer.close();
      // Without an answer they may arrive after what another connection brings.
      check.saw("read", Check.values(Check.read(consumer, 3)));
    }
  }

  static void idempotent(Check check) throws Exception {
    String a = check.topic("a", 1);
    KafkaProducer<String, String> producer = check.producer("enable.idempotence", "true", "batch.size", "200", "max.in.flight.requests.per.connection", "5");
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      producer.send(new ProducerRecord<>(a, 0, "k", "" + i));
      expected.add("" + i);
    }
    producer.flush();
    KafkaConsumer<String, String> consumer = check.consumer("isolation.level", "read_committed");
    consumer.assign(List.of(Check.at(a, 0)));
    check.saw("in order, once each", Check.values(Check.read(consumer, 2000)).equals(expected));
    check.saw("end", consumer.endOffsets(List.of(Check.at(a, 0))).get(Check.at(a, 0)));
    check.saw("nothing behind", Check.pollOnce(consumer));
  }

  static void parts(Check check) throws Exception {
    String a = check.topic("a", 1);
    KafkaProducer<String, String> producer = check.producer();
    ProducerRecord<String, String> record = new ProducerRecord<>(a, 0, 5L, null, "value");
    record.headers().add("one", "1".getBytes(StandardCharsets.UTF_8)).add("one", "2".getBytes(StandardCharsets.UTF_8)).add("none", null).add("", new byte[0]).add("é", new byte[] {0, -1});
    producer.send(record).get();
    producer.send(new ProducerRecord<>(a, 0, 6L, "", "")).get();
    producer.send(new ProducerRecord<>(a, 0, 7L, "key", (String) null)).get();
    producer.send(new ProducerRecord<>(a, 0, 8L, null, (String) null)).get();
    KafkaConsumer<String, String> consumer = check.consumer();
    consumer.assign(List.of(Check.at(a, 0)));
    for (ConsumerRecord<String, String> read : Check.read(consumer, 4)) {
      StringBuilder headers = new StringBuilder();
      for (Header header : read.headers()) headers.append(header.key()).append('=').append(Arrays.toString(header.value())).append(' ');
      check.saw("record", read.key() + " " + read.value() + " " + read.timestamp() + " " + read.timestampType() + " " + read.serializedKeySize() + " "
        + read.serializedValueSize() + " " + read.leaderEpoch() + " " + headers);
    }
  }

  static void big(Check check) throws Exception {
    String a = check.topic("a", 1);
    String small = check.topic("small", 1, "max.message.bytes", "100000");
    String large = check.topic("large", 1, "max.message.bytes", "6000000");
    KafkaProducer<String, String> ordinary = check.producer();
    check.see("900 KB", () -> ordinary.send(new ProducerRecord<>(a, 0, "k", "x".repeat(900_000))).get().offset());
    check.see("the producer's own limit", () -> ordinary.send(new ProducerRecord<>(a, 0, "k", "x".repeat(1_048_576))).get().offset());
    KafkaProducer<String, String> bold = check.producer("max.request.size", "8000000", "buffer.memory", "33554432");
    check.see("the broker's limit", () -> Check.kind(() -> bold.send(new ProducerRecord<>(a, 0, "k", "x".repeat(1_048_576))).get().offset()));
    // 1,048,588 bytes of a batch with one record of one key byte: 61 of header, 5 + 1 + 5 around key and value and so on.
    for (int bytes : List.of(1_048_500, 1_048_510, 1_048_511, 1_048_512, 1_048_513, 1_048_514, 1_048_515, 1_048_516, 1_048_517, 1_048_518, 1_048_520, 1_048_530))
      check.see(bytes + " bytes", () -> Check.kind(() -> bold.send(new ProducerRecord<>(a, 0, "k", "x".repeat(bytes))).get().offset() >= 0));
    check.see("5 MB where it may", () -> bold.send(new ProducerRecord<>(large, 0, "k", "x".repeat(5_000_000))).get().offset());
    check.see("over a topic's limit", () -> Check.kind(() -> bold.send(new ProducerRecord<>(small, 0, "k", "x".repeat(100_001))).get().offset()));
    KafkaProducer<String, String> batching = check.producer("batch.size", "900000", "linger.ms", "1000", "max.request.size", "1000000",
      "delivery.timeout.ms", "6000", "request.timeout.ms", "3000");
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int i = 0; i < 40; i++) sent.add(batching.send(new ProducerRecord<>(small, 0, "k", i + "x".repeat(20_000))));
    batching.flush();
    // Clients 2.8 split batches that compression made too large, and give up on others.
    check.see("a batch too large is split", () -> Check.kind(() -> sent.get(39).get().offset()));
    KafkaProducer<String, String> packed = check.producer("max.request.size", "8000000", "compression.type", "zstd");
    check.see("large, but well compressed", () -> packed.send(new ProducerRecord<>(small, 0, "k", "x".repeat(3_000_000))).get().offset());
    KafkaConsumer<String, String> consumer = check.consumer("fetch.max.bytes", "1000", "max.partition.fetch.bytes", "1000");
    consumer.assign(List.of(Check.at(large, 0), Check.at(small, 0)));
    int bytes = 0;
    long there = consumer.endOffsets(List.of(Check.at(small, 0))).get(Check.at(small, 0)) + 1;
    for (ConsumerRecord<String, String> record : Check.read(consumer, (int) there)) bytes += record.value().length();
    check.saw("all of it is read, whatever the fetch sizes", bytes);
  }

  static void partitioners(Check check) throws Exception {
    String a = check.topic("a", 5);
    KafkaProducer<String, String> keyed = check.producer();
    List<Integer> partitions = new ArrayList<>();
    for (int i = 0; i < 30; i++) partitions.add(keyed.send(new ProducerRecord<>(a, "key " + i, "v")).get().partition());
    check.saw("by key", partitions);
    KafkaProducer<String, String> round = check.producer("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner", "linger.ms", "0");
    TreeSet<Integer> used = new TreeSet<>();
    for (int i = 0; i < 30; i++) used.add(round.send(new ProducerRecord<>(a, "v")).get().partition());
    check.saw("round robin", used);
    KafkaProducer<String, String> impatient = check.producer("max.block.ms", "1500");
    check.see("a partition that isn't there", () -> Check.kind(() -> impatient.send(new ProducerRecord<>(a, 9, "k", "v")).get()));
    check.see("a partition below all", () -> Check.kind(() -> impatient.send(new ProducerRecord<>(a, -1, "k", "v")).get()));
    check.saw("partitions", keyed.partitionsFor(a).size());
  }

  static void timestamps(Check check) throws Exception {
    String a = check.topic("a", 1);
    String appended = check.topic("appended", 1, "message.timestamp.type", "LogAppendTime");
    String strict = check.topic("strict", 1, "message.timestamp.before.max.ms", "60000", "message.timestamp.after.max.ms", "60000");
    KafkaProducer<String, String> producer = check.producer();
    check.see("given", () -> producer.send(new ProducerRecord<>(a, 0, 12345L, "k", "v")).get().timestamp());
    check.see("negative", () -> producer.send(new ProducerRecord<>(a, 0, -5L, "k", "v")).get().timestamp());
    long now = System.currentTimeMillis();
    long given = producer.send(new ProducerRecord<>(appended, 0, 12345L, "k", "v")).get().timestamp();
    check.saw("log append time", given >= now - 1000 && given <= System.currentTimeMillis() + 1000);
    for (long away : List.of(-3_600_000L, 3_600_000L, 0L))
      check.see("away " + away, () -> Check.kind(() -> producer.send(new ProducerRecord<>(strict, 0, now + away, "k", "v")).get().offset()));
    check.see("two hours ahead", () -> Check.kind(() -> producer.send(new ProducerRecord<>(a, 0, now + 7_200_000L, "k", "v")).get().offset()));
    KafkaConsumer<String, String> consumer = check.consumer();
    consumer.assign(List.of(Check.at(appended, 0), Check.at(a, 0)));
    // Which topic comes first is up to whoever leads it.
    List<ConsumerRecord<String, String>> records = new ArrayList<>(Check.read(consumer, 2));
    records.sort(Comparator.comparing(ConsumerRecord::topic));
    for (ConsumerRecord<String, String> record : records) check.saw(record.topic(), record.timestampType() + " " + (record.timestamp() == 12345L));
    check.saw("found by its append time", consumer.offsetsForTimes(Map.of(Check.at(appended, 0), now - 1000)).get(Check.at(appended, 0)).offset());
  }

  static void unknown(Check check) throws Exception {
    KafkaProducer<String, String> producer = check.producer("max.block.ms", "10000");
    check.see("made by producing", () -> producer.send(new ProducerRecord<>(check.name + ".made", "k", "v")).get().offset());
    check.saw("its partitions", Since.describe(check.admin(), List.of(check.name + ".made")).get(check.name + ".made").partitions().size());
    for (String name : List.of("a b", "..", "x".repeat(250)))
      check.see("name of " + name.length(), () -> Check.kind(() -> producer.send(new ProducerRecord<>(name, "k", "v")).get().offset()));
    check.see("internal", () -> Check.kind(() -> producer.send(new ProducerRecord<>("__consumer_offsets", "k", "v")).get().offset()));
    String gone = check.topic("gone", 1);
    producer.send(new ProducerRecord<>(gone, "k", "v")).get();
    check.admin().deleteTopics(List.of(gone)).all().get();
    // The producer asks about the topic from time to time, and may be the one that makes it.
    Check.kind(() -> check.admin().createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(gone, 1, (short) -1))).all().get());
    check.see("made anew", () -> producer.send(new ProducerRecord<>(gone, "k", "v")).get().offset() >= 0);
  }

  static void topicCodec(Check check) throws Exception {
    for (String codec : List.of("uncompressed", "gzip", "snappy", "lz4", "zstd")) {
      String topic = check.topic(codec, 1, "compression.type", codec);
      KafkaProducer<String, String> producer = check.producer("compression.type", "lz4", "linger.ms", "20");
      for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>(topic, 0, 7L + i, "k" + i, "v".repeat(i)));
      producer.flush();
      KafkaConsumer<String, String> consumer = check.consumer();
      consumer.assign(List.of(Check.at(topic, 0)));
      check.saw(codec, Check.values(Check.read(consumer, 100)).hashCode());
    }
  }
}
