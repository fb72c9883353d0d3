package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// maxOffsetCommit keeps OffsetCommit below the version that names topics by id.
func maxOffsetCommit() *kversion.Versions {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 9)
	return versions
}

var restartChecks = []check{
	{"restart: kill -9 twice under a producer and a group: nothing acknowledged is lost or doubled, order holds", func(p *place) {
		p.create(3, nil)
		producer := p.client(kgo.DefaultProduceTopic(p.topic), kgo.ProducerLinger(time.Millisecond),
			kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.RecordDeliveryTimeout(100*time.Second))
		s := &step{p: p, from: p.topic, balancer: kgo.CooperativeStickyBalancer(), seen: map[string]int{}}
		s.start()
		var mu sync.Mutex
		acked := 0
		var failed error
		stop := make(chan struct{})
		sent := make(chan int)
		go func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					sent <- i
					return
				case <-p.ctx.Done():
					return
				default:
				}
				producer.Produce(p.ctx, kgo.KeyStringRecord(fmt.Sprint(i), fmt.Sprint(i)), func(_ *kgo.Record, err error) {
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						acked++
					} else if failed == nil {
						failed = err
					}
				})
				time.Sleep(500 * time.Microsecond)
			}
		}()
		for range 2 {
			time.Sleep(1500 * time.Millisecond)
			broker("kill9", p.topic)
			broker("restart", p.topic)
		}
		time.Sleep(time.Second)
		close(stop)
		count := <-sent
		must(producer.Flush(p.ctx))
		must(failed)
		equal("acknowledged", acked, count)
		cl := p.client(kgo.ConsumeTopics(p.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		last := map[int32]int{}
		for _, record := range p.take(cl, count) {
			var number int
			fmt.Sscan(string(record.Value), &number)
			if before, any := last[record.Partition]; any && number <= before {
				fail("%d came after %d in partition %d", number, before, record.Partition)
			}
			last[record.Partition] = number
		}
		ends, err := p.adm.ListEndOffsets(p.ctx, p.topic)
		must(err)
		total := int64(0)
		for _, end := range ends[p.topic] {
			total += end.Offset
		}
		equal("records in the log", total, int64(count))
		eventually(func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.seen) != count {
				return fmt.Errorf("the group saw %d of %d, errors %v", len(s.seen), count, s.errs)
			}
			return nil
		})
	}},
	{"restart: a clean stop and start keeps topics, records, configs and committed offsets", func(p *place) {
		p.create(2, map[string]string{"retention.bytes": "123456789"})
		p.fill(5, time.Now())
		s := &step{p: p, from: p.topic, balancer: kgo.RangeBalancer(), seen: map[string]int{}}
		m := s.start()
		eventually(func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.seen[""] != 5 {
				return fmt.Errorf("%d of 5", s.seen[""])
			}
			return nil
		})
		m.leave()
		broker("stop", p.topic)
		broker("restart", p.topic)
		eventually(func() error {
			fetched, err := p.adm.FetchOffsets(p.ctx, p.topic+"-group")
			if err == nil {
				err = fetched.Error()
			}
			if committed, _ := fetched.Lookup(p.topic, 0); err == nil && committed.At != 5 {
				err = fmt.Errorf("committed %d", committed.At)
			}
			return err
		})
		equal("records", len(p.read(5)), 5)
		described, err := p.adm.DescribeTopicConfigs(p.ctx, p.topic)
		must(err)
		for _, config := range described[0].Configs {
			if config.Key == "retention.bytes" {
				equal("retention.bytes", config.MaybeValue(), "123456789")
			}
		}
	}},
}
