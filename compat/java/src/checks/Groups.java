import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

final class Groups {
  static final String range = "org.apache.kafka.clients.consumer.RangeAssignor";
  static final String sticky = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

  static void add(Map<String, Check.Body> checks) {
    for (String assignor : List.of("Range", "RoundRobin", "Sticky", "CooperativeSticky"))
      checks.put("group: members come and go, " + assignor, check -> comeAndGo(check, "org.apache.kafka.clients.consumer." + assignor + "Assignor"));
    checks.put("group: cooperative members keep what they have", Groups::cooperative);
    checks.put("group: static members", Groups::staticMembers);
    checks.put("group: sessions end", Groups::sessions);
    checks.put("group: a member that doesn't poll", Groups::slow);
    checks.put("group: members of different minds", Groups::protocols);
    checks.put("group: too many members", Groups::tooMany);
    checks.put("group: more partitions", Groups::morePartitions);
    checks.put("group: commits from outside", Groups::outside);
    checks.put("group: what the admin does to members", Groups::admin);
  }

  /** A consumer that polls in a thread of its own, and what happened to it. */
  static final class Member implements AutoCloseable {
    final KafkaConsumer<String, String> consumer;
    final List<String> events = Collections.synchronizedList(new ArrayList<>());
    final List<String> values = Collections.synchronizedList(new ArrayList<>());
    volatile Set<Integer> partitions = Set.of();
    volatile int generation;
    volatile Throwable failure;
    private volatile boolean ending;
    private final Thread thread;

    Member(Check check, String topic, String... config) {
      // Members hear of a rebalance by their heartbeats.
      List<String> all = new ArrayList<>(List.of("heartbeat.interval.ms", "300"));
      all.addAll(List.of(config));
      consumer = check.consumer(all.toArray(new String[0]));
      consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
          events.add("revoked " + numbers(revoked));
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
          events.add("assigned " + numbers(assigned));
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> lost) {
          events.add("lost " + numbers(lost));
        }
      });
      thread = new Thread(this::run);
      thread.setDaemon(true);
      thread.start();
      check.keep(this);
    }

    private void run() {
      try {
        while (!ending) {
          consumer.poll(Duration.ofMillis(50)).forEach(record -> values.add(record.value()));
          partitions = numbers(consumer.assignment());
          generation = consumer.groupMetadata().generationId();
        }
      } catch (Throwable thrown) {
        failure = thrown;
      } finally {
        consumer.close(Duration.ofSeconds(5));
        partitions = Set.of();
      }
    }

    @Override
    public void close() throws InterruptedException {
      ending = true;
      thread.join(10_000);
    }
  }

  static Set<Integer> numbers(Collection<TopicPartition> partitions) {
    Set<Integer> numbers = new TreeSet<>();
    for (TopicPartition partition : partitions) numbers.add(partition.partition());
    return numbers;
  }

  static Callable<Boolean> have(int each, Member... members) {
    return () -> {
      Set<Integer> all = new TreeSet<>();
      for (Member member : members) {
        if (member.failure != null) throw new AssertionError("a member failed", member.failure);
        if (member.partitions.size() != each) return false;
        all.addAll(member.partitions);
      }
      return all.size() == each * members.length;
    };
  }

  static String state(Check check) throws Exception {
    ConsumerGroupDescription group = check.admin().describeConsumerGroups(List.of(check.name)).all().get().get(check.name);
    return group.state() + " " + group.members().size() + " " + group.partitionAssignor();
  }

  static void comeAndGo(Check check, String assignor) throws Exception {
    String a = check.topic("a", 6);
    for (int partition = 0; partition < 6; partition++) check.fill(a, partition, 2);
    String[] config = {"group.id", check.name, "partition.assignment.strategy", assignor, "enable.auto.commit", "true", "auto.commit.interval.ms", "100"};
    Member one = new Member(check, a, config);
    Check.until("one has all", have(6, one));
    Check.until("one has read all", () -> one.values.size() == 12);
    Member two = new Member(check, a, config);
    Check.until("two share", have(3, one, two));
    Member three = new Member(check, a, config);
    Check.until("three share", have(2, one, two, three));
    check.saw("group", state(check));
    check.saw("read once", one.values.size() + two.values.size() + three.values.size());
    two.close();
    Check.until("two are left", have(3, one, three));
    one.close();
    Check.until("one is left", have(6, three));
    for (int partition = 0; partition < 6; partition++) check.fill(a, partition, 1);
    Check.until("it reads for all", () -> three.values.size() >= 6);
    three.close();
    check.saw("read once after all", one.values.size() + two.values.size() + three.values.size());
    check.saw("group", state(check));
  }

  static void cooperative(Check check) throws Exception {
    String a = check.topic("a", 4);
    String[] config = {"group.id", check.name, "partition.assignment.strategy", sticky};
    Member one = new Member(check, a, config);
    Check.until("one has all", have(4, one));
    Member two = new Member(check, a, config);
    Check.until("two share", have(2, one, two));
    long revoked = one.events.stream().filter(event -> event.startsWith("revoked [") && !event.equals("revoked []")).count();
    check.saw("revoked once", revoked);
    check.saw("how many", one.events.stream().filter(event -> event.startsWith("revoked [")).mapToInt(event -> event.split(",").length).max().orElse(0));
    Set<Integer> kept = one.partitions;
    two.close();
    Check.until("one has all again", have(4, one));
    check.saw("kept", one.partitions.containsAll(kept));
  }

  static void staticMembers(Check check) throws Exception {
    String a = check.topic("a", 4);
    String[] first = {"group.id", check.name, "group.instance.id", "first", "partition.assignment.strategy", range};
    String[] second = {"group.id", check.name, "group.instance.id", "second", "partition.assignment.strategy", range};
    Member one = new Member(check, a, first);
    Check.until("one has all", have(4, one));
    Member two = new Member(check, a, second);
    Check.until("two share", have(2, one, two));
    int generation = one.generation;
    Set<Integer> had = two.partitions;
    two.close();
    check.saw("while it is away", state(check));
    Member again = new Member(check, a, second);
    Check.until("it is back", have(2, one, again));
    check.saw("the same partitions, without a rebalance", again.partitions.equals(had) + " " + (again.generation - generation) + " " + (one.generation - generation));
    Member other = new Member(check, a, second);
    Check.until("one of two with the same id is fenced", () -> again.failure != null);
    check.saw("how", again.failure.getClass().getSimpleName());
    Check.until("the other goes on", have(2, one, other));
    var removed = check.admin().removeMembersFromConsumerGroup(check.name, new RemoveMembersFromConsumerGroupOptions(
      List.of(new MemberToRemove("second"), new MemberToRemove("nobody"))));
    check.see("removed", () -> removed.memberResult(new MemberToRemove("second")).get());
    check.see("nobody", () -> removed.memberResult(new MemberToRemove("nobody")).get());
  }

  static void sessions(Check check) throws Exception {
    String a = check.topic("a", 2);
    String[] quick = {"group.id", check.name, "session.timeout.ms", "3000", "heartbeat.interval.ms", "300"};
    String[] gone = {"group.id", check.name, "session.timeout.ms", "3000", "heartbeat.interval.ms", "300", "group.instance.id", "gone"};
    // A static member that closes doesn't leave: only its session ends.
    Member away = new Member(check, a, gone);
    Check.until("it has all", have(2, away));
    away.close();
    Member stays = new Member(check, a, quick);
    Check.until("the other one has all when the session is over", have(2, stays));
    check.saw("group", state(check));
    check.see("a session shorter than allowed", () -> Check.kind(() -> {
      KafkaConsumer<String, String> hasty = check.consumer("group.id", check.name + "-hasty", "session.timeout.ms", "500", "heartbeat.interval.ms", "100");
      hasty.subscribe(List.of(a));
      return hasty.poll(Duration.ofSeconds(5)).count();
    }));
    check.see("a session longer than allowed", () -> Check.kind(() -> {
      KafkaConsumer<String, String> slow = check.consumer("group.id", check.name + "-slow", "session.timeout.ms", "2000000", "max.poll.interval.ms", "3000000");
      slow.subscribe(List.of(a));
      return slow.poll(Duration.ofSeconds(5)).count();
    }));
  }

  static void slow(Check check) throws Exception {
    String a = check.topic("a", 2);
    check.fill(a, 0, 1);
    KafkaConsumer<String, String> slow = check.consumer("group.id", check.name, "max.poll.interval.ms", "2500", "session.timeout.ms", "2400", "heartbeat.interval.ms", "300");
    slow.subscribe(List.of(a));
    check.saw("read", Check.read(slow, 1).size());
    Member other = new Member(check, a, "group.id", check.name);
    Check.until("the other one has all", have(2, other));
    check.see("a commit by the one that was put out", () -> Check.kind(() -> {
      slow.commitSync(Map.of(Check.at(a, 0), new OffsetAndMetadata(1)));
      return "committed";
    }));
    Check.until("it comes back", () -> {
      slow.poll(Duration.ofMillis(100));
      return slow.assignment().size() == 1 && other.partitions.size() == 1;
    });
    check.saw("group", state(check));
  }

  static void protocols(Check check) throws Exception {
    String a = check.topic("a", 2);
    Member one = new Member(check, a, "group.id", check.name, "partition.assignment.strategy", range);
    Check.until("one has all", have(2, one));
    Member two = new Member(check, a, "group.id", check.name, "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RoundRobinAssignor");
    Check.until("the other is refused", () -> two.failure != null);
    check.saw("how", two.failure.getClass().getSimpleName());
    Member three = new Member(check, a, "group.id", check.name, "partition.assignment.strategy", range + ",org.apache.kafka.clients.consumer.RoundRobinAssignor");
    Check.until("one that can do both is taken", have(1, one, three));
    check.saw("group", state(check));
  }

  static void tooMany(Check check) throws Exception {
    String a = check.topic("a", 5);
    Member[] members = new Member[5];
    for (int i = 0; i < 5; i++) members[i] = new Member(check, a, "group.id", check.name);
    Check.until("five share", have(1, members));
    Member sixth = new Member(check, a, "group.id", check.name);
    Check.until("the sixth is refused", () -> sixth.failure != null);
    check.saw("how", sixth.failure.getClass().getSimpleName());
    members[0].close();
    Member seventh = new Member(check, a, "group.id", check.name);
    Check.until("there is room again", have(1, members[1], members[2], members[3], members[4], seventh));
  }

  static void morePartitions(Check check) throws Exception {
    String a = check.topic("a", 2);
    Member one = new Member(check, a, "group.id", check.name);
    Member two = new Member(check, a, "group.id", check.name);
    Check.until("two share", have(1, one, two));
    check.admin().createPartitions(Map.of(a, NewPartitions.increaseTo(6))).all().get();
    Check.until("two share more", have(3, one, two));
    check.fill(a, 5, 2);
    Check.until("the new ones are read", () -> one.values.size() + two.values.size() == 2);
  }

  static void outside(Check check) throws Exception {
    String a = check.topic("a", 1);
    Member member = new Member(check, a, "group.id", check.name);
    Check.until("it has all", have(1, member));
    KafkaConsumer<String, String> stranger = check.consumer("group.id", check.name);
    stranger.assign(List.of(Check.at(a, 0)));
    check.see("a commit by one that isn't a member", () -> Check.kind(() -> {
      stranger.commitSync(Map.of(Check.at(a, 0), new OffsetAndMetadata(1)));
      return "committed";
    }));
    check.see("a commit by the admin", () -> check.admin().alterConsumerGroupOffsets(check.name, Map.of(Check.at(a, 0), new OffsetAndMetadata(1))).all().get());
    member.close();
    check.see("a commit when it has left", () -> {
      stranger.commitSync(Map.of(Check.at(a, 0), new OffsetAndMetadata(1)));
      return stranger.committed(Set.of(Check.at(a, 0))).get(Check.at(a, 0)).offset();
    });
  }

  static void admin(Check check) throws Exception {
    String a = check.topic("a", 2);
    Member one = new Member(check, a, "group.id", check.name, "client.id", "the-one");
    Check.until("it has all", have(2, one));
    ConsumerGroupDescription group = check.admin().describeConsumerGroups(List.of(check.name)).all().get().get(check.name);
    group.members().forEach(member -> check.saw("member", member.clientId() + " " + member.host() + " " + member.groupInstanceId() + " "
      + numbers(member.assignment().topicPartitions()) + " " + member.consumerId().startsWith("the-one-")));
    check.saw("group", state(check) + " " + group.isSimpleConsumerGroup() + " " + check.nodes().contains(group.coordinator().id()));
    check.see("delete it", () -> check.admin().deleteConsumerGroups(List.of(check.name)).all().get());
    check.see("delete an offset that is read", () -> check.admin().deleteConsumerGroupOffsets(check.name, Set.of(Check.at(a, 0))).all().get());
    check.admin().removeMembersFromConsumerGroup(check.name, new RemoveMembersFromConsumerGroupOptions()).all().get();
    Check.until("it comes back", () -> one.events.contains("lost [0, 1]") && one.partitions.size() == 2);
    one.close();
    check.see("delete it when it is empty", () -> check.admin().deleteConsumerGroups(List.of(check.name)).all().get());
  }
}
