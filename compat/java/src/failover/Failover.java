import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * An idempotent producer for each partition of a topic, which waits for each acknowledgement, and a group of two that commits
 * what it reads; with the client's own settings. Prints what they see, a line of JSON each. Producers end at a line on
 * the standard input, the group at its end.
 */
public final class Failover {
  private static volatile boolean producing = true;
  private static volatile boolean reading = true;

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], topic = args[1], group = args[2];
    int partitions = Integer.parseInt(args[3]);
    List<Thread> producers = new ArrayList<>(), members = new ArrayList<>();
    for (int i = 0; i < partitions; i++) {
      int partition = i;
      producers.add(start(() -> produce(bootstrap, topic, partition)));
    }
    for (int i = 0; i < 2; i++) {
      int member = i;
      members.add(start(() -> read(bootstrap, topic, group, member)));
    }
    System.in.read();
    producing = false;
    for (Thread producer : producers) producer.join();
    say("{\"stopped\":true}");
    while (System.in.read() >= 0) {}
    reading = false;
    for (Thread member : members) member.join();
  }

  private static void produce(String bootstrap, String topic, int partition) {
    Properties settings = settings(bootstrap);
    settings.put("enable.idempotence", "true");
    settings.put("acks", "all");
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      for (int sequence = 0; producing; sequence++) {
        String value = "java-" + partition + ":" + sequence;
        try {
          RecordMetadata sent = producer.send(new ProducerRecord<>(topic, partition, null, value)).get();
          say("{\"acknowledged\":\"" + value + "\",\"partition\":" + partition + ",\"offset\":" + sent.offset() + "}");
        } catch (Exception error) {
          say("{\"failed\":\"" + words(error) + "\",\"partition\":" + partition + "}");
        }
        pause();
      }
    }
  }

  private static void read(String bootstrap, String topic, String group, int member) {
    Properties settings = settings(bootstrap);
    settings.put("group.id", group);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", "false");
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> gone) {}

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> given) {
          for (TopicPartition one : given) say("{\"assigned\":" + one.partition() + ",\"member\":" + member + "}");
        }
      });
      while (reading) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) continue;
        for (ConsumerRecord<String, String> record : records)
          say("{\"read\":\"" + record.value() + "\",\"partition\":" + record.partition() + ",\"offset\":" + record.offset() + ",\"member\":" + member + "}");
        try {
          consumer.commitSync();
          for (TopicPartition one : records.partitions()) {
            List<ConsumerRecord<String, String>> of = records.records(one);
            say("{\"committed\":" + (of.get(of.size() - 1).offset() + 1) + ",\"partition\":" + one.partition() + "}");
          }
        } catch (CommitFailedException | RebalanceInProgressException begun) {
          // Another member may have the partition by now: it reads these again.
        }
      }
    } catch (Exception error) {
      say("{\"crashed\":\"" + words(error) + "\"}");
    }
  }

  private static Properties settings(String bootstrap) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    return settings;
  }

  private static Thread start(Runnable work) {
    Thread thread = new Thread(work);
    thread.start();
    return thread;
  }

  private static void pause() {
    try {
      Thread.sleep(10);
    } catch (InterruptedException never) {
      throw new IllegalStateException(never);
    }
  }

  private static synchronized void say(String line) {
    System.out.println(line);
  }

  private static String words(Throwable error) {
    return String.valueOf(error).replaceAll("[^ -~]", " ").replaceAll("[\"\\\\]", "'");
  }
}
