package main

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

func is(what string, err, want error) {
	if !errors.Is(err, want) {
		fail("%s: got %v, want %v", what, err, want)
	}
}

// fill produces n records of one batch each to partition 0, with timestamps from base on, a second apart.
func (p *place) fill(n int, base time.Time) {
	cl := p.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(p.topic))
	for i := range n {
		record := &kgo.Record{Value: fmt.Appendf(nil, "value %d", i), Timestamp: base.Add(time.Duration(i) * time.Second)}
		must(cl.ProduceSync(p.ctx, record).FirstErr())
	}
}

var adminChecks = []check{
	{"admin: each API is served in the versions of a Kafka release of 4.x", func(p *place) {
		versions, err := p.adm.ApiVersions(p.ctx)
		must(err)
		releases := []*kversion.Versions{kversion.V4_0_0(), kversion.V4_1_0(), kversion.V4_2_0(), kversion.Tip()}
		versions.Each(func(v kadm.BrokerApiVersions) {
			must(v.Err)
			if guess := v.VersionGuess(); target == "kafka" && !strings.Contains(guess, "v4.") {
				fail("kversion guesses %q", guess)
			}
			v.EachKeySorted(func(key, _, served int16) {
				newer := true // than the releases that kversion knows
				for _, release := range releases {
					known, there := release.LookupMaxKeyVersion(key)
					if there && known == served {
						return
					}
					newer = newer && served > known
				}
				if newer {
					return
				}
				fail("%s is served up to %d", kmsg.NameForKey(key), served)
			})
		})
	}},
	{"admin: metadata names the brokers, the controller and the cluster", func(p *place) {
		meta, err := p.adm.BrokerMetadata(p.ctx)
		must(err)
		equal("brokers", meta.Brokers.NodeIDs(), nodes())
		equal("controller is one of them", slices.Contains(nodes(), meta.Controller), true)
		if len(meta.Cluster) != 22 {
			fail("cluster id %q", meta.Cluster)
		}
	}},
	{"admin: topics are created, listed with their ids and deleted", func(p *place) {
		p.create(3, map[string]string{"retention.ms": "86400000"})
		listed, err := p.adm.ListTopics(p.ctx, p.topic)
		must(err)
		detail := listed[p.topic]
		must(detail.Err)
		equal("partitions", len(detail.Partitions), 3)
		equal("replicas", slices.Sorted(slices.Values(detail.Partitions[2].Replicas)), nodes())
		equal("in-sync replicas", slices.Sorted(slices.Values(detail.Partitions[2].ISR)), nodes())
		if detail.ID == (kadm.TopicID{}) {
			fail("no topic id")
		}
		_, err = p.adm.CreateTopic(p.ctx, 1, -1, nil, p.topic)
		is("created again", err, kerr.TopicAlreadyExists)
		_, err = p.adm.DeleteTopic(p.ctx, p.topic)
		must(err)
		eventually(func() error {
			listed, err := p.adm.ListTopics(p.ctx, p.topic)
			if err == nil && listed[p.topic].Err == nil {
				err = errors.New("still listed")
			}
			return err
		})
		_, err = p.adm.DeleteTopic(p.ctx, p.topic)
		is("deleted again", err, kerr.UnknownTopicOrPartition)
	}},
	{"admin: what no topic can be is refused", func(p *place) {
		bad := func(topic string, partitions int32, replicas int16, configs map[string]*string) error {
			_, err := p.adm.CreateTopic(p.ctx, partitions, replicas, configs, topic)
			return err
		}
		is("name", bad("not/a/topic", 1, 1, nil), kerr.InvalidTopicException)
		is("long name", bad(strings.Repeat("x", 250), 1, 1, nil), kerr.InvalidTopicException)
		is("no partitions", bad(p.topic, 0, 1, nil), kerr.InvalidPartitions)
		is("nine replicas", bad(p.topic, 1, 9, nil), kerr.InvalidReplicationFactor)
		is("config", bad(p.topic, 1, 1, map[string]*string{"no.such": kadm.StringPtr("1")}), kerr.InvalidConfig)
		is("value", bad(p.topic, 1, 1, map[string]*string{"retention.ms": kadm.StringPtr("x")}), kerr.InvalidConfig)
		validated, err := p.adm.ValidateCreateTopics(p.ctx, 4, -1, nil, p.topic)
		must(err)
		must(validated[p.topic].Err)
		listed, err := p.adm.ListTopics(p.ctx, p.topic)
		must(err)
		is("only validated", listed[p.topic].Err, kerr.UnknownTopicOrPartition)
	}},
	{"admin: partitions are added, never taken away", func(p *place) {
		p.create(2, nil)
		grown, err := p.adm.UpdatePartitions(p.ctx, 5, p.topic)
		must(err)
		must(grown[p.topic].Err)
		eventually(func() error {
			listed, err := p.adm.ListTopics(p.ctx, p.topic)
			if err == nil && len(listed[p.topic].Partitions) != 5 {
				err = fmt.Errorf("%d partitions", len(listed[p.topic].Partitions))
			}
			return err
		})
		shrunk, err := p.adm.UpdatePartitions(p.ctx, 3, p.topic)
		must(err)
		is("fewer", shrunk[p.topic].Err, kerr.InvalidPartitions)
		unknown, err := p.adm.UpdatePartitions(p.ctx, 3, p.topic+"-unknown")
		must(err)
		is("unknown", unknown[p.topic+"-unknown"].Err, kerr.UnknownTopicOrPartition)
	}},
	{"admin: configs are set, deleted, described with their sources, and legacy AlterConfigs replaces", func(p *place) {
		p.create(1, map[string]string{"retention.bytes": "1000000"})
		alter := func(configs ...kadm.AlterConfig) error {
			altered, err := p.adm.AlterTopicConfigs(p.ctx, configs, p.topic)
			must(err)
			return altered[0].Err
		}
		value := func(name string) (string, kmsg.ConfigSource) {
			described, err := p.adm.DescribeTopicConfigs(p.ctx, p.topic)
			must(err)
			must(described[0].Err)
			for _, config := range described[0].Configs {
				if config.Key == name {
					return config.MaybeValue(), config.Source
				}
			}
			fail("%s is not described", name)
			return "", 0
		}
		becomes := func(name, want string, source kmsg.ConfigSource) {
			eventually(func() error {
				if got, from := value(name); got != want || from != source {
					return fmt.Errorf("%s is %q from %v, not %q from %v", name, got, from, want, source)
				}
				return nil
			})
		}
		const dynamic, standard = kmsg.ConfigSourceDynamicTopicConfig, kmsg.ConfigSourceDefaultConfig
		must(alter(kadm.AlterConfig{Op: kadm.SetConfig, Name: "segment.bytes", Value: kadm.StringPtr("2097152")}))
		becomes("segment.bytes", "2097152", dynamic)
		becomes("retention.bytes", "1000000", dynamic)
		must(alter(kadm.AlterConfig{Op: kadm.DeleteConfig, Name: "retention.bytes"}))
		becomes("retention.bytes", "-1", standard)
		is("bad value", alter(kadm.AlterConfig{Op: kadm.SetConfig, Name: "segment.bytes", Value: kadm.StringPtr("1")}), kerr.InvalidConfig)
		is("bad name", alter(kadm.AlterConfig{Op: kadm.SetConfig, Name: "no.such", Value: kadm.StringPtr("1")}), kerr.InvalidConfig)
		_, err := p.adm.AlterTopicConfigsState(p.ctx, []kadm.AlterConfig{{Name: "retention.ms", Value: kadm.StringPtr("777000")}}, p.topic)
		must(err)
		becomes("retention.ms", "777000", dynamic)
		becomes("segment.bytes", "1073741824", standard)
		unknown, err := p.adm.DescribeTopicConfigs(p.ctx, p.topic+"-unknown")
		must(err)
		is("unknown topic", unknown[0].Err, kerr.UnknownTopicOrPartition)
		brokers, err := p.adm.DescribeBrokerConfigs(p.ctx, 1)
		must(err)
		must(brokers[0].Err)
		if len(brokers[0].Configs) < 50 {
			fail("%d broker configs", len(brokers[0].Configs))
		}
	}},
	{"admin: offsets by start, end, time and the newest timestamp", func(p *place) {
		p.create(1, nil)
		base := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
		p.fill(10, base)
		late := &kgo.Record{Value: []byte("late"), Timestamp: base}
		must(p.client(kgo.DefaultProduceTopic(p.topic)).ProduceSync(p.ctx, late).FirstErr())
		offset := func(listed kadm.ListedOffsets, err error) [2]int64 {
			must(err)
			must(listed.Error())
			found, _ := listed.Lookup(p.topic, 0)
			return [2]int64{found.Offset, found.Timestamp}
		}
		at := func(seconds int) int64 { return base.Add(time.Duration(seconds) * time.Second).UnixMilli() }
		equal("start", offset(p.adm.ListStartOffsets(p.ctx, p.topic)), [2]int64{0, -1})
		equal("end", offset(p.adm.ListEndOffsets(p.ctx, p.topic)), [2]int64{11, -1})
		equal("committed", offset(p.adm.ListCommittedOffsets(p.ctx, p.topic)), [2]int64{11, -1})
		equal("at a record's time", offset(p.adm.ListOffsetsAfterMilli(p.ctx, at(4), p.topic)), [2]int64{4, at(4)})
		equal("between", offset(p.adm.ListOffsetsAfterMilli(p.ctx, at(4)+1, p.topic)), [2]int64{5, at(5)})
		equal("newest", offset(p.adm.ListMaxTimestampOffsets(p.ctx, p.topic)), [2]int64{9, at(9)})
		// kadm gives the end where nothing is that late.
		equal("after the last", offset(p.adm.ListOffsetsAfterMilli(p.ctx, at(10), p.topic)), [2]int64{11, -1})
	}},
	{"admin: deleted records are gone for readers", func(p *place) {
		p.create(1, nil)
		p.fill(10, time.Now())
		low := func(to int64) int64 {
			var offsets kadm.Offsets
			offsets.AddOffset(p.topic, 0, to, -1)
			deleted, err := p.adm.DeleteRecords(p.ctx, offsets)
			must(err)
			one, _ := deleted.Lookup(p.topic, 0)
			must(one.Err)
			return one.LowWatermark
		}
		equal("low watermark", low(4), int64(4))
		equal("not back", low(2), int64(4))
		cl := p.client(kgo.ConsumeTopics(p.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		equal("first", p.take(cl, 1)[0].Offset, int64(4))
		equal("everything", low(-1), int64(10))
		var beyond kadm.Offsets
		beyond.AddOffset(p.topic, 0, 99, -1)
		deleted, err := p.adm.DeleteRecords(p.ctx, beyond)
		must(err)
		one, _ := deleted.Lookup(p.topic, 0)
		is("beyond the end", one.Err, kerr.OffsetOutOfRange)
	}},
	{"admin: groups are committed for, listed, described, reset and deleted", func(p *place) {
		p.create(2, nil)
		group := p.topic
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: p.topic, Partition: 0, At: 5, LeaderEpoch: -1, Metadata: "from kadm"})
		offsets.AddOffset(p.topic, 1, 7, -1)
		must(p.adm.CommitAllOffsets(p.ctx, group, offsets))
		fetched, err := p.adm.FetchOffsets(p.ctx, group)
		must(err)
		must(fetched.Error())
		first, _ := fetched.Lookup(p.topic, 0)
		equal("offset and metadata", []any{first.At, first.Metadata}, []any{int64(5), "from kadm"})
		listed, err := p.adm.ListGroups(p.ctx)
		must(err)
		equal("state", listed[group].State, "Empty")
		described, err := p.adm.DescribeGroups(p.ctx, group)
		must(err)
		equal("described", described[group].State, "Empty")
		must(described[group].Err)
		lag, err := p.adm.Lag(p.ctx, group)
		must(err)
		equal("end before the commit: no lag below zero", lag[group].Lag.Total(), int64(0))
		var one kadm.TopicsSet
		one.Add(p.topic, 1)
		removed, err := p.adm.DeleteOffsets(p.ctx, group, one)
		must(err)
		must(removed.Error())
		fetched, err = p.adm.FetchOffsets(p.ctx, group)
		must(err)
		if _, there := fetched.Lookup(p.topic, 1); there {
			fail("the deleted offset is still there")
		}
		gone, err := p.adm.DeleteGroup(p.ctx, group)
		must(err)
		must(gone.Err)
		again, err := p.adm.DeleteGroup(p.ctx, group)
		if err == nil {
			err = again.Err
		}
		is("deleted again", err, kerr.GroupIDNotFound)
	}},
	{"admin: log folders show what a topic takes", func(p *place) {
		p.create(2, nil)
		p.fill(5, time.Now())
		set := kadm.TopicsSet{}
		set.Add(p.topic, 0, 1)
		dirs, err := p.adm.DescribeAllLogDirs(p.ctx, set)
		must(err)
		sizes := map[int32]bool{}
		dirs.Each(func(dir kadm.DescribedLogDir) {
			dir.Topics.Each(func(partition kadm.DescribedLogDirPartition) {
				sizes[partition.Partition] = partition.Size > 0
			})
		})
		equal("sizes", sizes, map[int32]bool{0: true, 1: false})
	}},
	{"admin: leader epochs, producers, elections and reassignments of one broker", func(p *place) {
		p.create(1, nil)
		cl := p.client(kgo.DefaultProduceTopic(p.topic))
		must(cl.ProduceSync(p.ctx, kgo.StringRecord("x")).FirstErr())
		var ask kadm.OffsetForLeaderEpochRequest
		ask.Add(p.topic, 0, 0)
		epochs, err := p.adm.OffsetForLeaderEpoch(p.ctx, ask)
		must(err)
		equal("end of epoch 0", epochs[p.topic][0].EndOffset, int64(1))
		set := kadm.TopicsSet{}
		set.Add(p.topic, 0)
		producers, err := p.adm.DescribeProducers(p.ctx, set)
		must(err)
		id, epoch, err := cl.ProducerID(p.ctx)
		must(err)
		active := []string{}
		producers.EachProducer(func(one kadm.DescribedProducer) {
			active = append(active, fmt.Sprint(one.ProducerID, one.ProducerEpoch, one.LastSequence))
		})
		equal("producers", active, []string{fmt.Sprint(id, epoch, 0)})
		elected, err := p.adm.ElectLeaders(p.ctx, kadm.ElectPreferredReplica, set)
		must(err)
		is("elected", elected[p.topic][0].Err, kerr.ElectionNotNeeded)
		moving, err := p.adm.ListPartitionReassignments(p.ctx, set)
		must(err)
		equal("reassignments", len(moving), 0)
	}},
	{"admin: many topics at once, some of them refused", func(p *place) {
		names := []string{}
		for i := range 20 {
			names = append(names, fmt.Sprintf("%s-%d", p.topic, i))
		}
		made, err := p.adm.CreateTopics(p.ctx, 2, -1, nil, append([]string{"not/a/topic"}, names...)...)
		must(err)
		refused := []string{}
		for _, topic := range made.Sorted() {
			if topic.Err != nil {
				refused = append(refused, topic.Topic)
			}
		}
		equal("refused", refused, []string{"not/a/topic"})
		eventually(func() error {
			listed, err := p.adm.ListTopics(p.ctx, names...)
			if err == nil {
				err = listed.Error()
			}
			return err
		})
		deleted, err := p.adm.DeleteTopics(p.ctx, append(names, p.topic+"-unknown")...)
		must(err)
		unknown := []string{}
		for _, topic := range deleted.Sorted() {
			if topic.Err != nil {
				unknown = append(unknown, topic.Topic)
			}
		}
		sort.Strings(unknown)
		equal("unknown", unknown, []string{p.topic + "-unknown"})
	}},
}
