package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// from consumes partition 0 of the place's topic from an offset.
func (p *place) from(offset kgo.Offset, opts ...kgo.Opt) *kgo.Client {
	assigned := map[string]map[int32]kgo.Offset{p.topic: {0: offset}}
	return p.client(append(opts, kgo.ConsumePartitions(assigned))...)
}

// batch produces n records in one batch.
func (p *place) batch(n, bytes int) {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: p.topic, Partition: 0, Value: fmt.Appendf(nil, "%0*d", bytes, i)}
	}
	cl := p.client(kgo.ProducerLinger(100*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()))
	must(cl.ProduceSync(p.ctx, records...).FirstErr())
}

func offsetsOf(records []*kgo.Record) (offsets []int64) {
	for _, record := range records {
		offsets = append(offsets, record.Offset)
	}
	return offsets
}

var consumeChecks = []check{
	{"consume: from offsets in the middle of a batch, exactly, relative and by time", func(p *place) {
		p.create(1, nil)
		p.batch(100, 10)
		now := time.Now()
		p.fill(10, now.Add(-20*time.Second))
		first := func(offset kgo.Offset) int64 { return p.take(p.from(offset), 1)[0].Offset }
		equal("middle", first(kgo.NewOffset().At(57)), int64(57))
		equal("last of the batch", first(kgo.NewOffset().At(99)), int64(99))
		equal("start", first(kgo.NewOffset().AtStart()), int64(0))
		equal("relative", first(kgo.NewOffset().AtStart().Relative(12)), int64(12))
		equal("before the end", first(kgo.NewOffset().AtEnd().Relative(-3)), int64(107))
		equal("by time", first(kgo.NewOffset().AfterMilli(now.Add(-15*time.Second).UnixMilli())), int64(0))
	}},
	{"consume: seeking to the first record not older than a time", func(p *place) {
		p.create(1, nil)
		base := time.Now().Add(-time.Hour).Truncate(time.Second)
		p.fill(30, base)
		cl := p.from(kgo.NewOffset().AfterMilli(base.Add(17 * time.Second).UnixMilli()))
		equal("first", p.take(cl, 1)[0].Offset, int64(17))
	}},
	{"consume: fetches smaller than a batch still get on", func(p *place) {
		p.create(1, nil)
		for range 5 {
			p.batch(20, 5000)
		}
		cl := p.from(kgo.NewOffset().At(7), kgo.FetchMaxBytes(1000), kgo.FetchMaxPartitionBytes(500))
		records := p.take(cl, 93)
		for i, record := range records {
			equal("offset", record.Offset, int64(i+7))
		}
	}},
	{"consume: out of range without a reset policy is an error, with one it starts there", func(p *place) {
		p.create(1, nil)
		p.fill(5, time.Now())
		cl := p.from(kgo.NewOffset().At(99), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
		var got error
		for got == nil && p.ctx.Err() == nil {
			cl.PollFetches(p.ctx).EachError(func(_ string, _ int32, err error) { got = err })
		}
		is("no policy", got, kerr.OffsetOutOfRange)
		reset := p.from(kgo.NewOffset().At(99), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		equal("earliest", p.take(reset, 1)[0].Offset, int64(0))
	}},
	{"consume: paused partitions give nothing, resumed ones the rest", func(p *place) {
		p.create(2, nil)
		var partition int32
		cl := p.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		send := func() {
			for partition = range int32(2) {
				must(cl.ProduceSync(p.ctx, &kgo.Record{Topic: p.topic, Partition: partition}).FirstErr())
			}
		}
		consumer := p.client(kgo.ConsumeTopics(p.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		consumer.PauseFetchPartitions(map[string][]int32{p.topic: {1}})
		send()
		send()
		for _, record := range p.take(consumer, 2) {
			equal("partition", record.Partition, int32(0))
		}
		consumer.ResumeFetchPartitions(map[string][]int32{p.topic: {1}})
		equal("resumed", offsetsOf(p.take(consumer, 2)), []int64{0, 1})
	}},
	{"consume: a regular expression finds topics made before and after", func(p *place) {
		p.createNamed(p.topic+"-a1", 1, nil)
		p.createNamed(p.topic+"-b1", 1, nil)
		cl := p.client(kgo.ConsumeRegex(), kgo.ConsumeTopics("^"+p.topic+"-a.$"), kgo.MetadataMinAge(100*time.Millisecond),
			kgo.MetadataMaxAge(300*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		send := func(topic string) {
			must(p.client().ProduceSync(p.ctx, &kgo.Record{Topic: topic, Value: []byte(topic)}).FirstErr())
		}
		send(p.topic + "-b1")
		send(p.topic + "-a1")
		equal("first", p.take(cl, 1)[0].Topic, p.topic+"-a1")
		p.createNamed(p.topic+"-a2", 1, nil)
		send(p.topic + "-a2")
		equal("second", p.take(cl, 1)[0].Topic, p.topic+"-a2")
	}},
	{"consume: waits for the records that it asked for, not for its time-out", func(p *place) {
		p.create(1, nil)
		cl := p.from(kgo.NewOffset().AtStart(), kgo.FetchMaxWait(30*time.Second), kgo.FetchMinBytes(1))
		time.AfterFunc(time.Second, func() {
			producer, err := kgo.NewClient(kgo.SeedBrokers(seeds()...))
			if err == nil {
				producer.ProduceSync(p.ctx, &kgo.Record{Topic: p.topic})
				producer.Close()
			}
		})
		start := time.Now()
		p.take(cl, 1)
		if took := time.Since(start); took > 10*time.Second {
			fail("took %v", took)
		}
	}},
	{"consume: a topic deleted and made again under a consumer", func(p *place) {
		p.create(1, nil)
		p.fill(3, time.Now())
		cl := p.client(kgo.ConsumeTopics(p.topic), kgo.MetadataMinAge(100*time.Millisecond),
			kgo.MetadataMaxAge(300*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		before := p.take(cl, 3)
		equal("before", offsetsOf(before), []int64{0, 1, 2})
		_, err := p.adm.DeleteTopic(p.ctx, p.topic)
		must(err)
		eventually(func() error {
			listed, err := p.adm.ListTopics(p.ctx, p.topic)
			if err == nil && !errors.Is(listed[p.topic].Err, kerr.UnknownTopicOrPartition) {
				err = errors.New("still there")
			}
			return err
		})
		p.create(1, nil)
		p.fill(2, time.Now())
		// franz-go says that a topic's id changed and starts over where it is told to.
		again := p.client(kgo.ConsumeTopics(p.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		equal("after", offsetsOf(p.take(again, 2)), []int64{0, 1})
	}},
	{"consume: read committed sees what is not in a transaction", func(p *place) {
		p.create(1, nil)
		p.fill(4, time.Now())
		cl := p.from(kgo.NewOffset().AtStart(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		equal("offsets", offsetsOf(p.take(cl, 4)), []int64{0, 1, 2, 3})
	}},
	{"consume: an idle connection that the broker may close is opened again", func(p *place) {
		p.create(1, nil)
		cl := p.client(kgo.DefaultProduceTopic(p.topic), kgo.ConnIdleTimeout(500*time.Millisecond))
		for range 3 {
			must(cl.ProduceSync(p.ctx, kgo.StringRecord("x")).FirstErr())
			time.Sleep(1200 * time.Millisecond)
		}
		equal("records", len(p.read(3)), 3)
	}},
}
