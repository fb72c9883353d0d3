import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** One check: what it saw must be the same on every broker. Its clients are closed after it. */
final class Check implements AutoCloseable {
  interface Body {
    void run(Check check) throws Exception;
  }

  final String bootstrap;
  /** In front of the names of its topics and groups, so that checks don't meet. */
  final String name;
  final List<String> saw = Collections.synchronizedList(new ArrayList<>());
  private final List<AutoCloseable> opened = Collections.synchronizedList(new ArrayList<>());
  private Admin admin;

  Check(String bootstrap, String name) {
    this.bootstrap = bootstrap;
    this.name = name.replaceAll("[^a-z0-9]+", "-");
  }

  /** The ids of the brokers: topics have a replica on each. */
  List<Integer> nodes() {
    List<Integer> nodes = new ArrayList<>();
    for (int i = 1; i <= bootstrap.split(",").length; i++) nodes.add(i);
    return nodes;
  }

  void saw(String what, Object value) {
    saw.add(what + ": " + value);
  }

  /** Remembers what came of it: its value or its error. */
  void see(String what, Callable<?> work) {
    saw(what, outcome(work));
  }

  static String outcome(Callable<?> work) {
    try {
      return String.valueOf(work.call());
    } catch (Throwable failure) {
      Throwable cause = causeOf(failure);
      return cause.getClass().getSimpleName() + " (" + cause.getMessage() + ")";
    }
  }

  /** The kind of an error only, where its words name times or addresses. */
  static String kind(Callable<?> work) {
    try {
      return String.valueOf(work.call());
    } catch (Throwable failure) {
      return causeOf(failure).getClass().getSimpleName();
    }
  }

  private static Throwable causeOf(Throwable failure) {
    boolean isWrapper = failure instanceof ExecutionException || failure instanceof CompletionException;
    return isWrapper && failure.getCause() != null ? failure.getCause() : failure;
  }

  Admin admin() {
    if (admin == null) admin = keep(Admin.create(properties()));
    return admin;
  }

  <T extends AutoCloseable> T keep(T client) {
    opened.add(client);
    return client;
  }

  Properties properties(String... pairs) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("metadata.max.age.ms", "1000");
    for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
    return properties;
  }

  KafkaProducer<String, String> producer(String... pairs) {
    // The old client's own is 1: what it has sent may then not be committed yet where there are several brokers.
    Properties properties = properties("acks", "all");
    for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
    return keep(new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer()));
  }

  KafkaConsumer<String, String> consumer(String... pairs) {
    Properties properties = properties("auto.offset.reset", "earliest", "enable.auto.commit", "false");
    for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
    return keep(new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer()));
  }

  String topic(String suffix, int partitions, String... configs) throws Exception {
    String topic = name + "." + suffix;
    // Timestamps of 1970 are old enough to be deleted at once.
    Map<String, String> given = new TreeMap<>(Map.of("retention.ms", "-1"));
    for (int i = 0; i < configs.length; i += 2) given.put(configs[i], configs[i + 1]);
    admin().createTopics(List.of(new NewTopic(topic, partitions, (short) -1).configs(given))).all().get();
    // Kafka's broker hears of it a moment after its controller.
    until(topic + " is there", () -> kind(() -> Since.describe(admin(), List.of(topic)).size()).equals("1"));
    return topic;
  }

  /** Sends `count` records with values 0, 1, ... and waits for them. */
  void fill(String topic, int partition, int count) throws Exception {
    KafkaProducer<String, String> producer = producer("linger.ms", "5");
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int i = 0; i < count; i++) sent.add(producer.send(new ProducerRecord<>(topic, partition, 1000L + i, "k" + i, "" + i)));
    producer.flush();
    for (Future<RecordMetadata> record : sent) record.get();
    producer.close();
  }

  /** Polls until `count` records have come, or a minute is over. */
  static <K, V> List<ConsumerRecord<K, V>> read(KafkaConsumer<K, V> consumer, int count) {
    List<ConsumerRecord<K, V>> records = new ArrayList<>();
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (records.size() < count && System.nanoTime() < deadline)
      for (ConsumerRecord<K, V> record : consumer.poll(Duration.ofMillis(100))) records.add(record);
    return records;
  }

  /** What one poll of a while brings: nothing, where nothing is expected. */
  static <K, V> int pollOnce(KafkaConsumer<K, V> consumer) {
    return consumer.poll(Duration.ofMillis(500)).count();
  }

  /** Waits until something is so; the error tells what it was instead. */
  static void until(String what, Callable<Boolean> isSo) throws Exception {
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (!isSo.call()) {
      if (System.nanoTime() > deadline) throw new AssertionError("not within a minute: " + what);
      Thread.sleep(20);
    }
  }

  static List<String> values(List<ConsumerRecord<String, String>> records) {
    List<String> values = new ArrayList<>();
    for (ConsumerRecord<String, String> record : records) values.add(record.value());
    return values;
  }

  static TopicPartition at(String topic, int partition) {
    return new TopicPartition(topic, partition);
  }

  @Override
  public void close() {
    for (AutoCloseable client : opened)
      try {
        client.close();
      } catch (Exception failure) {
        // A check may have closed it, or broken it on purpose.
      }
  }
}
