package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// take polls until it has n records.
func (p *place) take(cl *kgo.Client, n int) []*kgo.Record {
	var records []*kgo.Record
	for len(records) < n {
		fetches := cl.PollFetches(p.ctx)
		fetches.EachError(func(topic string, partition int32, err error) { fail("%s-%d: %v", topic, partition, err) })
		records = append(records, fetches.Records()...)
	}
	return records
}

// read gives the n records from the start of the place's topic.
func (p *place) read(n int) []*kgo.Record {
	cl := p.client(kgo.ConsumeTopics(p.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	return p.take(cl, n)
}

func codecs() map[string]kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
}

func produceWith(codec kgo.CompressionCodec) func(*place) {
	return func(p *place) {
		p.create(3, nil)
		const count = 3000
		for _, opts := range [][]kgo.Opt{
			{kgo.RequiredAcks(kgo.AllISRAcks())},
			{kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite()},
			{kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()},
		} {
			cl := p.client(append(opts, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(5*time.Millisecond),
				kgo.ProducerBatchMaxBytes(100_000), kgo.DefaultProduceTopic(p.topic))...)
			for i := range count / 3 {
				cl.Produce(p.ctx, kgo.KeyStringRecord(fmt.Sprint(i), fmt.Sprintf("%0200d", i)), nil)
			}
			must(cl.Flush(p.ctx))
		}
		next := map[string]int{}
		for _, record := range p.read(count) {
			equal("value of "+string(record.Key), string(record.Value), fmt.Sprintf("%0200s", record.Key))
			next[string(record.Key)]++
		}
		equal("keys", len(next), count/3)
		for key, times := range next {
			if times != 3 {
				fail("%s came %d times", key, times)
			}
		}
	}
}

var produceChecks = append(codecChecks(), []check{
	{"produce: keys, nulls, empty values, headers and timestamps come back as sent", func(p *place) {
		p.create(1, nil)
		when := time.UnixMilli(1_700_000_000_123)
		headers := []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "", Value: []byte{}}}
		sent := []*kgo.Record{
			{Key: []byte("k"), Value: []byte("v"), Headers: headers, Timestamp: when},
			{Key: nil, Value: nil, Timestamp: when},
			{Key: []byte{}, Value: []byte{}, Timestamp: when},
			{Key: []byte("나루"), Value: bytes.Repeat([]byte{0, 255}, 1000), Timestamp: when.Add(time.Second)},
		}
		cl := p.client(kgo.DefaultProduceTopic(p.topic))
		must(cl.ProduceSync(p.ctx, sent...).FirstErr())
		for i, got := range p.read(len(sent)) {
			equal("offset", got.Offset, int64(i))
			equal("key", got.Key, sent[i].Key)
			equal("value", got.Value, sent[i].Value)
			equal("headers", fmt.Sprint(got.Headers), fmt.Sprint(sent[i].Headers))
			equal("timestamp", got.Timestamp.UnixMilli(), sent[i].Timestamp.UnixMilli())
			equal("timestamp type", got.Attrs.TimestampType(), int8(0))
		}
	}},
	{"produce: LogAppendTime gives the broker's time", func(p *place) {
		p.create(1, map[string]string{"message.timestamp.type": "LogAppendTime"})
		cl := p.client(kgo.DefaultProduceTopic(p.topic))
		must(cl.ProduceSync(p.ctx, &kgo.Record{Value: []byte("x"), Timestamp: time.UnixMilli(1)}).FirstErr())
		got := p.read(1)[0]
		equal("timestamp type", got.Attrs.TimestampType(), int8(1))
		if since := time.Since(got.Timestamp); since < -time.Minute || since > time.Minute {
			fail("timestamp %v", got.Timestamp)
		}
	}},
	{"produce: a megabyte passes, more is refused, and the limit is the topic's", func(p *place) {
		p.create(1, map[string]string{"max.message.bytes": "3000000"})
		random := func(n int) *kgo.Record {
			value := make([]byte, n)
			rand.Read(value)
			return &kgo.Record{Value: value}
		}
		cl := p.client(kgo.DefaultProduceTopic(p.topic), kgo.ProducerBatchMaxBytes(10_000_000))
		big := random(2_900_000)
		must(cl.ProduceSync(p.ctx, big).FirstErr())
		is("too big", cl.ProduceSync(p.ctx, random(3_000_001)).FirstErr(), kerr.MessageTooLarge)
		// The limit is on the batch as sent: compressed.
		must(cl.ProduceSync(p.ctx, &kgo.Record{Value: make([]byte, 5_000_000)}).FirstErr())
		got := p.read(2)
		if !bytes.Equal(got[0].Value, big.Value) || len(got[1].Value) != 5_000_000 {
			fail("other values came back")
		}
		standard := p.topic + "-standard"
		p.createNamed(standard, 1, nil)
		plain := p.client(kgo.DefaultProduceTopic(standard), kgo.ProducerBatchMaxBytes(10_000_000))
		is("default limit", plain.ProduceSync(p.ctx, random(1_200_000)).FirstErr(), kerr.MessageTooLarge)
	}},
	{"produce: unknown topics, impossible names and timestamps", func(p *place) {
		one := func(opts ...kgo.Opt) error {
			record := &kgo.Record{Topic: p.topic, Value: []byte("x")}
			return p.client(append(opts, kgo.UnknownTopicRetries(1))...).ProduceSync(p.ctx, record).FirstErr()
		}
		is("unknown topic", one(), kerr.UnknownTopicOrPartition)
		cl := p.client(kgo.UnknownTopicRetries(1))
		is("bad name", cl.ProduceSync(p.ctx, &kgo.Record{Topic: "not/a/topic"}).FirstErr(), kerr.InvalidTopicException)
		p.createNamed(p.topic+"-late", 1, nil)
		future := &kgo.Record{Topic: p.topic + "-late", Timestamp: time.Now().Add(3 * time.Hour)}
		is("hours ahead", cl.ProduceSync(p.ctx, future).FirstErr(), kerr.InvalidTimestamp)
		must(one(kgo.AllowAutoTopicCreation()))
	}},
	{"produce: min.insync.replicas asks for no more replicas than there are", func(p *place) {
		p.create(1, map[string]string{"min.insync.replicas": "2"})
		all := p.client(kgo.DefaultProduceTopic(p.topic), kgo.RecordRetries(1))
		must(all.ProduceSync(p.ctx, kgo.StringRecord("x")).FirstErr())
		equal("value", string(p.read(1)[0].Value), "x")
	}},
	{"produce: an idempotent producer goes on after its records were deleted", func(p *place) {
		p.create(1, nil)
		cl := p.client(kgo.DefaultProduceTopic(p.topic))
		for range 3 {
			must(cl.ProduceSync(p.ctx, kgo.StringRecord("x"), kgo.StringRecord("y")).FirstErr())
			var all kadm.Offsets
			all.AddOffset(p.topic, 0, -1, -1)
			_, err := p.adm.DeleteRecords(p.ctx, all)
			must(err)
		}
		ends, err := p.adm.ListEndOffsets(p.ctx, p.topic)
		must(err)
		end, _ := ends.Lookup(p.topic, 0)
		equal("end", end.Offset, int64(6))
	}},
}...)

func codecChecks() (checks []check) {
	for _, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		checks = append(checks, check{"produce: " + name + " with acks all, 1 and 0", produceWith(codecs()[name])})
	}
	return checks
}
