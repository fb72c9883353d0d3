import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigsOptions;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.CreatePartitionsOptions;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

final class Admins {
  static void add(Map<String, Check.Body> checks) {
    checks.put("admin: topics", Admins::topics);
    checks.put("admin: partitions", Admins::partitions);
    checks.put("admin: configs", Admins::configs);
    checks.put("admin: offsets and records", Admins::offsets);
    checks.put("admin: cluster", Admins::cluster);
    checks.put("admin: groups", Admins::groups);
  }

  static void topics(Check check) throws Exception {
    Admin admin = check.admin();
    String a = check.name + ".a";
    NewTopic full = new NewTopic(a, Map.of(0, List.of(1), 1, List.of(1), 2, List.of(1))).configs(Map.of("retention.ms", "777"));
    CreateTopicsResult dry = admin.createTopics(List.of(full), new CreateTopicsOptions().validateOnly(true));
    check.see("validated", () -> dry.numPartitions(a).get() + " " + dry.replicationFactor(a).get());
    check.see("not there after", () -> Since.describe(admin, List.of(a)));
    CreateTopicsResult made = admin.createTopics(List.of(full));
    check.see("made", () -> made.numPartitions(a).get() + " " + made.replicationFactor(a).get());
    ConfigEntry retention = made.config(a).get().get("retention.ms");
    check.saw("its retention", retention.value() + " " + retention.source() + " " + retention.isReadOnly() + " " + retention.isSensitive());
    check.see("again", () -> admin.createTopics(List.of(full)).all().get());
    String defaults = check.name + ".defaults";
    check.see("defaults", () -> admin.createTopics(List.of(new NewTopic(defaults, Optional.empty(), Optional.empty()))).numPartitions(defaults).get());
    for (String name : List.of("", ".", "..", "a b", "a/b", "é", "x".repeat(250), "x".repeat(249), "__consumer_offsets"))
      check.see("name of " + name.length(), () -> {
        admin.createTopics(List.of(new NewTopic(name, 1, (short) -1))).all().get();
        return admin.deleteTopics(List.of(name)).all().get();
      });
    Map<String, NewTopic> wrong = new TreeMap<>(Map.of(
      "no partitions", new NewTopic(check.name + ".x", 0, (short) -1),
      "no replicas", new NewTopic(check.name + ".x", 1, (short) 0),
      "unknown config", new NewTopic(check.name + ".x", 1, (short) -1).configs(Map.of("no.such", "1")),
      "wrong config", new NewTopic(check.name + ".x", 1, (short) -1).configs(Map.of("retention.ms", "soon")),
      "unknown broker", new NewTopic(check.name + ".x", Map.of(0, List.of(9))),
      "a broker twice", new NewTopic(check.name + ".x", Map.of(0, List.of(1, 1))),
      "a hole", new NewTopic(check.name + ".x", Map.of(1, List.of(1))),
      "none assigned", new NewTopic(check.name + ".x", Map.of())));
    wrong.forEach((what, topic) -> check.see(what, () -> admin.createTopics(List.of(topic)).all().get()));
    Check.until("it is there", () -> Check.kind(() -> Since.describe(admin, List.of(a)).size()).equals("1"));
    TopicDescription description = Since.describe(admin, List.of(a)).get(a);
    check.saw("may", new TreeSet<>(description.authorizedOperations()));
    check.saw("described", description.isInternal() + " " + description.partitions().size() + " " + description.partitions().get(2).leader().id()
      + " " + description.partitions().get(2).replicas().size() + " " + description.partitions().get(2).isr().size());
    check.see("unknown", () -> Since.describe(admin, List.of(check.name + ".nope")));
    check.see("of no name", () -> Since.describe(admin, List.of("a b")));
    check.saw("listed", admin.listTopics().names().get().contains(a));
    check.saw("without internal ones", admin.listTopics(new ListTopicsOptions().listInternal(false)).listings().get().stream().filter(t -> t.isInternal()).count());
    String gone = check.topic("gone", 1);
    check.see("deleted", () -> admin.deleteTopics(List.of(gone)).all().get());
    check.see("deleted again", () -> admin.deleteTopics(List.of(gone)).all().get());
    Map<String, String> several = new TreeMap<>();
    Since.values(admin.deleteTopics(List.of(defaults, check.name + ".nope"))).forEach((name, done) -> several.put(name, Check.outcome(done::get)));
    check.saw("one of two", several);
    Since.admin(check, a);
  }

  static void partitions(Check check) throws Exception {
    Admin admin = check.admin();
    String a = check.topic("a", 2);
    List<Integer> nodes = check.nodes();
    Map<String, NewPartitions> asked = new TreeMap<>(Map.of(
      "1 to three", NewPartitions.increaseTo(3),
      "2 to three again", NewPartitions.increaseTo(3),
      "3 to two", NewPartitions.increaseTo(2),
      "4 to zero", NewPartitions.increaseTo(0),
      "5 to five, placed", NewPartitions.increaseTo(5, List.of(nodes, nodes)),
      "6 placed too few", NewPartitions.increaseTo(8, List.of(nodes)),
      "7 placed on an unknown broker", NewPartitions.increaseTo(6, List.of(List.of(9)))));
    asked.forEach((what, wanted) -> check.see(what, () -> admin.createPartitions(Map.of(a, wanted)).all().get()));
    check.see("only validated", () -> admin.createPartitions(Map.of(a, NewPartitions.increaseTo(9)), new CreatePartitionsOptions().validateOnly(true)).all().get());
    check.see("unknown topic", () -> admin.createPartitions(Map.of(check.name + ".nope", NewPartitions.increaseTo(9))).all().get());
    Check.until("there are five", () -> Since.describe(admin, List.of(a)).get(a).partitions().size() == 5);
    List<Integer> replicas = new ArrayList<>();
    Since.describe(admin, List.of(a)).get(a).partitions().get(0).replicas().forEach(node -> replicas.add(node.id()));
    List<Integer> more = new ArrayList<>(replicas);
    more.add(9);
    check.see("no leader to elect", () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(Check.at(a, 0))).partitions().get());
    check.see("unknown partition's leader", () -> admin.electLeaders(ElectionType.UNCLEAN, Set.of(Check.at(a, 70))).partitions().get());
    check.see("reassign to itself", () -> admin.alterPartitionReassignments(Map.of(Check.at(a, 0), Optional.of(new NewPartitionReassignment(replicas)))).all().get());
    check.see("reassign to an unknown broker", () -> admin.alterPartitionReassignments(Map.of(Check.at(a, 0), Optional.of(new NewPartitionReassignment(more)))).all().get());
    check.see("reassign what isn't there", () -> admin.alterPartitionReassignments(Map.of(Check.at(a, 70), Optional.of(new NewPartitionReassignment(replicas)))).all().get());
    check.see("cancel nothing", () -> admin.alterPartitionReassignments(Map.of(Check.at(a, 0), Optional.empty())).all().get());
    check.see("reassignments", () -> admin.listPartitionReassignments().reassignments().get());
  }

  static void configs(Check check) throws Exception {
    Admin admin = check.admin();
    ConfigResource a = new ConfigResource(ConfigResource.Type.TOPIC, check.topic("a", 1, "retention.ms", "1000000"));
    DescribeConfigsOptions whole = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(false);
    for (ConfigEntry entry : new TreeMap<>(entries(admin, a, whole)).values()) {
      // Naru's own options, its default for flushing, and what Kafka's format tool sets for all brokers.
      if (entry.name().startsWith("naru.") || entry.name().equals("flush.messages") || entry.name().equals("min.insync.replicas")) continue;
      check.saw(entry.name(), entry.value() + " " + entry.type() + " " + entry.source() + " " + entry.isReadOnly() + " " + entry.isSensitive() + " "
        + entry.synonyms().size());
    }
    String[][] changes = {
      {"SET", "retention.ms", "5000"}, {"SET", "retention.ms", "x"}, {"SET", "no.such", "1"}, {"DELETE", "retention.ms", null},
      {"DELETE", "retention.ms", null}, {"APPEND", "cleanup.policy", "delete"}, {"APPEND", "retention.ms", "1"}, {"SUBTRACT", "cleanup.policy", "compact"},
      {"SET", "cleanup.policy", "wild"}, {"SET", "message.timestamp.type", "LogAppendTime"}, {"SET", "max.message.bytes", "-1"},
      {"SET", "retention.ms", ""}, {"SET", "retention.bytes", "99999999999999999999"}, {"SET", "compression.type", "zstd"}
    };
    for (String[] change : changes) {
      AlterConfigOp op = new AlterConfigOp(new ConfigEntry(change[1], change[2]), AlterConfigOp.OpType.valueOf(change[0]));
      check.see(String.join(" ", change[0], change[1], String.valueOf(change[2])), () -> admin.incrementalAlterConfigs(Map.of(a, List.of(op))).all().get());
    }
    AlterConfigOp dry = new AlterConfigOp(new ConfigEntry("retention.ms", "4444"), AlterConfigOp.OpType.SET);
    check.see("only validated", () -> admin.incrementalAlterConfigs(Map.of(a, List.of(dry)), new AlterConfigsOptions().validateOnly(true)).all().get());
    Check.until("the last change is seen", () -> entries(admin, a, whole).get("compression.type").value().equals("zstd"));
    for (ConfigEntry entry : new TreeMap<>(entries(admin, a, whole)).values())
      if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) check.saw("set on the topic", entry.name() + "=" + entry.value());
    ConfigResource nope = new ConfigResource(ConfigResource.Type.TOPIC, check.name + ".nope");
    check.see("of an unknown topic", () -> Check.kind(() -> admin.describeConfigs(List.of(nope)).all().get()));
    check.see("alter an unknown topic", () -> admin.incrementalAlterConfigs(Map.of(nope, List.of(dry))).all().get());
    ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
    Map<String, ConfigEntry> served = entries(admin, broker, whole);
    for (String name : List.of("log.retention.bytes", "message.max.bytes", "num.partitions", "group.min.session.timeout.ms", "log.segment.bytes",
        "offsets.retention.minutes", "auto.create.topics.enable", "default.replication.factor"))
      check.see(name, () -> served.get(name).value() + " " + served.get(name).type() + " " + served.get(name).isReadOnly() + " " + served.get(name).source());
    check.see("of another broker", () -> Check.kind(() ->
      admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.BROKER, "77")), new DescribeConfigsOptions().timeoutMs(1500)).all().get()));
  }

  private static Map<String, ConfigEntry> entries(Admin admin, ConfigResource resource, DescribeConfigsOptions options) throws Exception {
    Map<String, ConfigEntry> entries = new TreeMap<>();
    for (ConfigEntry entry : admin.describeConfigs(List.of(resource), options).all().get().get(resource).entries()) entries.put(entry.name(), entry);
    return entries;
  }

  static void offsets(Check check) throws Exception {
    Admin admin = check.admin();
    String a = check.topic("a", 2);
    check.fill(a, 0, 10);
    Map<String, OffsetSpec> specs = new TreeMap<>(Map.of("earliest", OffsetSpec.earliest(), "latest", OffsetSpec.latest(), "at 1004", OffsetSpec.forTimestamp(1004),
      "at 0", OffsetSpec.forTimestamp(0), "at 5000", OffsetSpec.forTimestamp(5000)));
    for (int partition : List.of(0, 1))
      specs.forEach((what, spec) -> check.see(what + " of " + partition, () -> {
        ListOffsetsResultInfo info = admin.listOffsets(Map.of(Check.at(a, partition), spec)).partitionResult(Check.at(a, partition)).get();
        return info.offset() + " " + info.timestamp() + " " + info.leaderEpoch();
      }));
    check.see("deleted", () -> admin.deleteRecords(Map.of(Check.at(a, 0), RecordsToDelete.beforeOffset(4))).all().get());
    for (long before : List.of(2L, 100L, -2L, -1L))
      check.see("deleted before " + before, () ->
        admin.deleteRecords(Map.of(Check.at(a, 0), RecordsToDelete.beforeOffset(before))).lowWatermarks().get(Check.at(a, 0)).get().lowWatermark());
    check.see("earliest after", () -> admin.listOffsets(Map.of(Check.at(a, 0), OffsetSpec.earliest())).partitionResult(Check.at(a, 0)).get().offset());
    check.see("at 1004 after", () -> admin.listOffsets(Map.of(Check.at(a, 0), OffsetSpec.forTimestamp(1004))).partitionResult(Check.at(a, 0)).get().offset());
    Since.offsets(check, check.topic("b", 1));
    String c = check.topic("c", 1);
    check.fill(c, 0, 10);
    Since.offsets(check, c);
  }

  static void cluster(Check check) throws Exception {
    Admin admin = check.admin();
    DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
    check.saw("nodes", cluster.nodes().get().size() + " " + check.nodes().contains(cluster.controller().get().id()) + " " + cluster.clusterId().get().length());
    check.saw("may", new TreeSet<>(cluster.authorizedOperations().get()));
    String a = check.topic("a", 2);
    check.fill(a, 1, 3);
    Collection<LogDirDescription> dirs = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values();
    check.saw("log dirs", dirs.size());
    for (LogDirDescription dir : dirs)
      for (int partition : List.of(0, 1)) {
        var info = dir.replicaInfos().get(Check.at(a, partition));
        check.saw("replica " + partition, (info.size() > 0) + " " + info.offsetLag() + " " + info.isFuture() + " " + dir.error());
      }
    check.see("log dirs of an unknown broker", () -> Check.kind(() ->
      admin.describeLogDirs(List.of(9), new org.apache.kafka.clients.admin.DescribeLogDirsOptions().timeoutMs(1500)).allDescriptions().get()));
  }

  static void groups(Check check) throws Exception {
    Admin admin = check.admin();
    String a = check.topic("a", 2);
    check.fill(a, 0, 5);
    String group = check.name;
    TopicPartition first = Check.at(a, 0);
    check.see("unknown group", () -> described(admin.describeConsumerGroups(List.of(group)).all().get().get(group)));
    check.see("offsets of an unknown group", () -> admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
    check.see("delete an unknown group", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    check.see("altered", () -> admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(3, Optional.of(0), "noted"))).all().get());
    check.see("of an unknown partition", () -> admin.alterConsumerGroupOffsets(group, Map.of(Check.at(a, 7), new OffsetAndMetadata(3))).all().get());
    check.see("of an unknown topic", () -> admin.alterConsumerGroupOffsets(group, Map.of(Check.at(check.name + ".nope", 0), new OffsetAndMetadata(3))).all().get());
    check.see("metadata too long", () -> admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(3, "m".repeat(4097)))).all().get());
    check.see("offsets", () -> admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
    check.see("described", () -> described(admin.describeConsumerGroups(List.of(group)).all().get().get(group)));
    check.see("listed", () -> {
      List<String> found = new ArrayList<>();
      admin.listConsumerGroups().all().get().forEach(listing -> {
        if (listing.groupId().equals(group)) found.add(listing.isSimpleConsumerGroup() + " " + listing.state());
      });
      return found;
    });
    check.see("offset deleted", () -> admin.deleteConsumerGroupOffsets(group, Set.of(first)).all().get());
    check.see("offsets after", () -> admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
    admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(4))).all().get();
    check.see("remove all members of none", () -> Check.kind(() ->
      admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all().get()));
    check.see("deleted", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    check.see("deleted again", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
  }

  private static String described(ConsumerGroupDescription group) {
    return group.state() + " " + group.members().size() + " '" + group.partitionAssignor() + "' " + group.isSimpleConsumerGroup();
  }
}
