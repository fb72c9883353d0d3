import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

final class Consumes {
  static void add(Map<String, Check.Body> checks) {
    checks.put("consume: places", Consumes::places);
    checks.put("consume: pause and poll sizes", Consumes::flow);
    checks.put("consume: fetch sizes below a batch", Consumes::sizes);
    checks.put("consume: where there is no place", Consumes::resets);
    checks.put("consume: by pattern", Consumes::pattern);
    checks.put("consume: commits", Consumes::commits);
    checks.put("consume: wakeup", Consumes::wakeup);
    checks.put("consume: topics deleted and made anew", Consumes::anew);
    checks.put("consume: topics made by asking", Consumes::asking);
  }

  static void places(Check check) throws Exception {
    String a = check.topic("a", 2);
    check.fill(a, 0, 20);
    TopicPartition first = Check.at(a, 0);
    TopicPartition second = Check.at(a, 1);
    List<TopicPartition> both = List.of(first, second);
    KafkaConsumer<String, String> consumer = check.consumer("isolation.level", "read_committed");
    consumer.assign(both);
    check.saw("beginnings", new TreeMap<>(Map.of(0, consumer.beginningOffsets(both).get(first), 1, consumer.beginningOffsets(both).get(second))));
    check.saw("ends", new TreeMap<>(Map.of(0, consumer.endOffsets(both).get(first), 1, consumer.endOffsets(both).get(second))));
    check.saw("position", consumer.position(first));
    consumer.seekToEnd(both);
    check.saw("at the end", consumer.position(first) + " " + consumer.position(second) + " " + Check.pollOnce(consumer));
    consumer.seek(first, 15);
    check.saw("from 15", Check.values(Check.read(consumer, 5)));
    consumer.seekToBeginning(both);
    check.saw("from the beginning", Check.values(Check.read(consumer, 20)));
    consumer.seek(first, new OffsetAndMetadata(18, java.util.Optional.of(0), ""));
    check.saw("from 18 of epoch 0", Check.values(Check.read(consumer, 2)));
    for (long time : List.of(0L, 1000L, 1007L, 1019L, 1020L)) {
      OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(first, time)).get(first);
      check.saw("at " + time, found == null ? null : found.offset() + " " + found.timestamp() + " " + found.leaderEpoch());
    }
    Map<TopicPartition, Long> times = new HashMap<>();
    for (TopicPartition partition : both) times.put(partition, 1010L);
    check.saw("where there is nothing", consumer.offsetsForTimes(times).get(second));
    check.see("of an unknown partition", () -> Check.kind(() -> consumer.endOffsets(List.of(Check.at(a, 9)), Duration.ofMillis(1500))));
    check.see("of a negative time", () -> consumer.offsetsForTimes(Map.of(first, -1L)));
    check.saw("partitions", consumer.partitionsFor(a).size());
    check.see("lag", () -> consumer.metrics().isEmpty());
  }

  static void flow(Check check) throws Exception {
    String a = check.topic("a", 2);
    check.fill(a, 0, 100);
    check.fill(a, 1, 100);
    KafkaConsumer<String, String> consumer = check.consumer("max.poll.records", "7");
    consumer.assign(List.of(Check.at(a, 0), Check.at(a, 1)));
    consumer.pause(List.of(Check.at(a, 1)));
    int most = 0;
    List<ConsumerRecord<String, String>> records = new ArrayList<>();
    while (records.size() < 100) {
      int before = records.size();
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) records.add(record);
      most = Math.max(most, records.size() - before);
    }
    check.saw("most in one poll", most);
    check.saw("paused", records.stream().map(ConsumerRecord::partition).collect(java.util.stream.Collectors.toSet()) + " " + Check.pollOnce(consumer));
    consumer.resume(List.of(Check.at(a, 1)));
    check.saw("resumed", Check.values(Check.read(consumer, 100)).hashCode());
  }

  static void sizes(Check check) throws Exception {
    String a = check.topic("a", 3);
    // With idempotence a first batch for a partition that Kafka's broker doesn't know yet may hang until it expires.
    KafkaProducer<String, String> producer = check.producer("batch.size", "60000", "linger.ms", "500", "enable.idempotence", "false");
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int i = 0; i < 300; i++) sent.add(producer.send(new ProducerRecord<>(a, i % 3, "k", i + "x".repeat(1000))));
    producer.flush();
    for (Future<RecordMetadata> record : sent) record.get();
    for (String bytes : List.of("1", "1000", "70000")) {
      KafkaConsumer<String, String> consumer = check.consumer("fetch.max.bytes", bytes, "max.partition.fetch.bytes", bytes);
      consumer.assign(List.of(Check.at(a, 0), Check.at(a, 1), Check.at(a, 2)));
      TreeSet<String> values = new TreeSet<>(Check.values(Check.read(consumer, 300)));
      check.saw("with " + bytes, values.size());
      consumer.seek(Check.at(a, 0), 50);
      check.saw("from the middle of a batch", Check.read(consumer, 1).get(0).offset());
    }
    KafkaConsumer<String, String> patient = check.consumer("fetch.min.bytes", "1000000", "fetch.max.wait.ms", "300");
    patient.assign(List.of(Check.at(a, 0)));
    check.saw("less than the minimum, after a while", Check.read(patient, 100).size());
  }

  static void resets(Check check) throws Exception {
    String a = check.topic("a", 1);
    check.fill(a, 0, 10);
    TopicPartition first = Check.at(a, 0);
    check.admin().deleteRecords(Map.of(first, org.apache.kafka.clients.admin.RecordsToDelete.beforeOffset(3))).all().get();
    for (String reset : List.of("earliest", "latest", "none")) {
      KafkaConsumer<String, String> consumer = check.consumer("auto.offset.reset", reset, "group.id", check.name);
      consumer.assign(List.of(first));
      check.see(reset + ", nothing committed", () -> Check.kind(() -> consumer.position(first)));
      for (long offset : List.of(1L, 10L, 1000L)) {
        consumer.seek(first, offset);
        check.see(reset + " from " + offset, () -> Check.kind(() -> {
          consumer.poll(Duration.ofMillis(offset == 10 ? 300 : 1500));
          return consumer.position(first);
        }));
      }
    }
    Since.consume(check, a);
  }

  static void pattern(Check check) throws Exception {
    check.topic("in-1", 1);
    check.topic("out-1", 1);
    check.fill(check.name + ".in-1", 0, 2);
    check.fill(check.name + ".out-1", 0, 2);
    KafkaConsumer<String, String> consumer = check.consumer("group.id", check.name);
    consumer.subscribe(Pattern.compile(check.name + "\\.in-.*"));
    check.saw("read", Check.values(Check.read(consumer, 2)));
    check.saw("of", consumer.assignment().size());
    consumer.commitSync();
    check.topic("in-2", 2);
    check.fill(check.name + ".in-2", 1, 3);
    check.saw("a new topic joins", Check.values(Check.read(consumer, 3)));
    check.saw("of", consumer.assignment().size());
    check.admin().deleteTopics(List.of(check.name + ".in-1")).all().get();
    Check.until("the deleted topic is gone", () -> {
      consumer.poll(Duration.ofMillis(100));
      return consumer.assignment().size() == 2;
    });
    consumer.unsubscribe();
    check.saw("after", consumer.assignment());
  }

  static void commits(Check check) throws Exception {
    String a = check.topic("a", 2);
    check.fill(a, 0, 10);
    TopicPartition first = Check.at(a, 0);
    TopicPartition second = Check.at(a, 1);
    KafkaConsumer<String, String> consumer = check.consumer("group.id", check.name);
    consumer.assign(List.of(first, second));
    check.saw("nothing committed", consumer.committed(Set.of(first, second)).get(first));
    consumer.commitSync(Map.of(first, new OffsetAndMetadata(4, java.util.Optional.of(0), "noted 나루")));
    check.saw("committed", consumer.committed(Set.of(first)).get(first));
    CompletableFuture<String> committed = new CompletableFuture<>();
    consumer.commitAsync(Map.of(first, new OffsetAndMetadata(6), second, new OffsetAndMetadata(0)), (offsets, failure) -> committed.complete(offsets.size() + " " + failure));
    Check.until("the commit is answered", () -> {
      consumer.poll(Duration.ofMillis(50));
      return committed.isDone();
    });
    check.saw("later", committed.get(1, TimeUnit.SECONDS));
    check.see("unknown partition", () -> Check.kind(() -> {
      consumer.commitSync(Map.of(Check.at(a, 9), new OffsetAndMetadata(1)), Duration.ofSeconds(2));
      return "committed";
    }));
    check.see("beyond the end", () -> {
      consumer.commitSync(Map.of(first, new OffsetAndMetadata(1000)));
      return consumer.committed(Set.of(first)).get(first).offset();
    });
    check.see("metadata too long", () -> Check.kind(() -> {
      consumer.commitSync(Map.of(first, new OffsetAndMetadata(1, "m".repeat(5000))));
      return "committed";
    }));
    consumer.commitSync(Map.of(first, new OffsetAndMetadata(8)));
    consumer.close();
    KafkaConsumer<String, String> next = check.consumer("group.id", check.name);
    next.subscribe(List.of(a));
    check.saw("the next one reads", Check.values(Check.read(next, 2)));
    next.commitSync();
    check.saw("where it was", next.committed(Set.of(first, second)).get(first).offset() + " " + next.committed(Set.of(second)).get(second).offset());
    KafkaConsumer<String, String> groupless = check.consumer();
    groupless.assign(List.of(first));
    check.see("without a group", () -> Check.kind(() -> {
      groupless.commitSync();
      return "committed";
    }));
    KafkaConsumer<String, String> auto = check.consumer("group.id", check.name + "-auto", "enable.auto.commit", "true", "auto.commit.interval.ms", "100");
    auto.assign(List.of(first));
    check.saw("read", Check.read(auto, 10).size());
    Check.until("committed by itself", () -> {
      auto.poll(Duration.ofMillis(50));
      OffsetAndMetadata offset = auto.committed(Set.of(first)).get(first);
      return offset != null && offset.offset() == 10;
    });
  }

  static void wakeup(Check check) throws Exception {
    String a = check.topic("a", 1);
    KafkaConsumer<String, String> consumer = check.consumer("fetch.max.wait.ms", "6000");
    consumer.assign(List.of(Check.at(a, 0)));
    consumer.poll(Duration.ofMillis(200));
    Thread waker = new Thread(() -> {
      try {
        Thread.sleep(500);
      } catch (InterruptedException interrupted) {
        return;
      }
      consumer.wakeup();
    });
    waker.start();
    check.see("woken", () -> Check.kind(() -> consumer.poll(Duration.ofSeconds(60)).count()));
    // The fetch that waits at the broker is answered when a record comes, long before its own time is over.
    check.fill(a, 0, 1);
    long started = System.nanoTime();
    check.saw("and goes on", Check.values(Check.read(consumer, 1)));
    check.saw("at once", System.nanoTime() - started < 4_000_000_000L);
  }

  static void anew(Check check) throws Exception {
    String a = check.topic("a", 1);
    check.fill(a, 0, 5);
    KafkaConsumer<String, String> consumer = check.consumer("group.id", check.name, "allow.auto.create.topics", "false");
    consumer.subscribe(List.of(a));
    check.saw("before", Check.values(Check.read(consumer, 5)));
    consumer.commitSync();
    check.admin().deleteTopics(List.of(a)).all().get();
    Check.until("it has lost the topic", () -> {
      consumer.poll(Duration.ofMillis(100));
      return consumer.assignment().isEmpty();
    });
    check.admin().createTopics(List.of(new NewTopic(a, 1, (short) -1))).all().get();
    Check.until("it has the new topic", () -> {
      consumer.poll(Duration.ofMillis(100));
      return !consumer.assignment().isEmpty();
    });
    check.see("committed for the new one", () -> consumer.committed(Set.of(Check.at(a, 0))).get(Check.at(a, 0)));
    check.fill(a, 0, 7);
    consumer.seekToBeginning(List.of(Check.at(a, 0)));
    check.saw("after", Check.values(Check.read(consumer, 7)));
  }

  static void asking(Check check) throws Exception {
    KafkaConsumer<String, String> shy = check.consumer("group.id", check.name + "-shy", "allow.auto.create.topics", "false");
    shy.subscribe(List.of(check.name + ".shy"));
    shy.poll(Duration.ofMillis(1500));
    check.saw("not made", check.admin().listTopics().names().get().contains(check.name + ".shy"));
    KafkaConsumer<String, String> bold = check.consumer("group.id", check.name + "-bold", "allow.auto.create.topics", "true");
    bold.subscribe(List.of(check.name + ".bold"));
    Check.until("made", () -> {
      bold.poll(Duration.ofMillis(100));
      return check.admin().listTopics().names().get().contains(check.name + ".bold");
    });
    KafkaConsumer<String, String> wrong = check.consumer("group.id", check.name + "-wrong");
    wrong.subscribe(List.of("no such name"));
    check.see("a name that can't be", () -> Check.kind(() -> wrong.poll(Duration.ofSeconds(5)).count()));
  }
}
