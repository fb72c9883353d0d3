package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func balancers() map[string]kgo.GroupBalancer {
	return map[string]kgo.GroupBalancer{
		"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
		"sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(),
	}
}

// A member of a group that copies what it consumes to another topic, if there is one.
type member struct {
	cl   *kgo.Client
	stop context.CancelFunc
	done chan struct{}
}

// One step of a chain: a group that reads a topic, and what it has seen of it.
type step struct {
	p        *place
	from, to string
	balancer kgo.GroupBalancer

	mu   sync.Mutex
	seen map[string]int
	last map[int32]int64
	errs []error
}

func (s *step) start(opts ...kgo.Opt) *member {
	ctx, stop := context.WithCancel(s.p.ctx)
	m := &member{stop: stop, done: make(chan struct{})}
	m.cl = s.p.client(append([]kgo.Opt{
		kgo.ConsumerGroup(s.from + "-group"), kgo.ConsumeTopics(s.from), kgo.Balancers(s.balancer),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.HeartbeatInterval(200 * time.Millisecond), kgo.SessionTimeout(6 * time.Second), kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.ProducerLinger(2 * time.Millisecond),
	}, opts...)...)
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			m.cl.AllowRebalance()
			fetches := m.cl.PollRecords(ctx, 500)
			if ctx.Err() != nil {
				return
			}
			var copies []*kgo.Record
			s.mu.Lock()
			fetches.EachError(func(_ string, _ int32, err error) { s.errs = append(s.errs, err) })
			fetches.EachRecord(func(r *kgo.Record) {
				s.seen[string(r.Key)]++
				copies = append(copies, &kgo.Record{Topic: s.to, Key: r.Key, Value: r.Value})
			})
			s.mu.Unlock()
			if len(copies) == 0 {
				continue
			}
			if s.to != "" {
				// Not under the context that ends the member: what it has seen it also commits, or another sees it again.
				if err := m.cl.ProduceSync(s.p.ctx, copies...).FirstErr(); err != nil {
					return
				}
			}
			if err := m.cl.CommitUncommittedOffsets(s.p.ctx); err != nil {
				s.mu.Lock()
				s.errs = append(s.errs, fmt.Errorf("commit: %w", err))
				s.mu.Unlock()
			}
		}
	}()
	return m
}

// leave ends a member in order.
func (m *member) leave() {
	m.stop()
	<-m.done
	m.cl.CloseAllowingRebalance()
}

// chain copies a topic through groups of each kind while members come and go: every record arrives, once.
func chain(p *place) {
	const partitions, records = 7, 20_000
	topics := []string{p.topic, p.topic + "-2", p.topic + "-3", p.topic + "-4"}
	for _, topic := range topics {
		p.createNamed(topic, partitions, nil)
	}
	producer := p.client(kgo.DefaultProduceTopic(topics[0]), kgo.ProducerLinger(5*time.Millisecond))
	for i := range records {
		producer.Produce(p.ctx, kgo.KeyStringRecord(strconv.Itoa(i), strconv.Itoa(i)), nil)
	}
	var steps []*step
	for i, name := range []string{"range", "roundrobin", "sticky", "cooperative-sticky"} {
		s := &step{p: p, from: topics[i], balancer: balancers()[name], seen: map[string]int{}}
		if i+1 < len(topics) {
			s.to = topics[i+1]
		}
		steps = append(steps, s)
	}
	var members []*member
	for _, s := range steps {
		members = append(members, s.start(), s.start())
	}
	must(producer.Flush(p.ctx))
	for i, s := range steps {
		time.Sleep(150 * time.Millisecond)
		third := s.start()
		time.Sleep(300 * time.Millisecond)
		members[i*2].leave()
		members[i*2] = third
	}
	for _, s := range steps {
		eventually(func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.seen) < records {
				return fmt.Errorf("%s: %d of %d, errors %v", s.from, len(s.seen), records, s.errs)
			}
			return nil
		})
	}
	for _, m := range members {
		m.leave()
	}
	for _, s := range steps {
		for key, times := range s.seen {
			if times != 1 {
				fail("%s: record %s came %d times, errors %v", s.from, key, times, s.errs)
			}
		}
		if len(s.errs) > 0 {
			fail("%s: %v", s.from, s.errs)
		}
		lag, err := p.adm.Lag(p.ctx, s.from+"-group")
		must(err)
		equal("lag of "+s.from, lag[s.from+"-group"].Lag.Total(), int64(0))
	}
}

// cut is a dialer whose connections can be cut, as when a machine goes away.
type cut struct {
	mu    sync.Mutex
	conns []net.Conn
	off   bool
}

func (c *cut) dial(ctx context.Context, network, host string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return nil, errors.New("cut off")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cut) now() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for _, conn := range c.conns {
		conn.Close()
	}
}

// stable waits until a group is stable with n members.
func (p *place) stable(group string, n int) (found kadm.DescribedGroup) {
	eventually(func() error {
		described, err := p.adm.DescribeGroups(p.ctx, group)
		if err != nil {
			return err
		}
		found = described[group]
		if found.State != "Stable" || len(found.Members) != n {
			return fmt.Errorf("%s with %d members", found.State, len(found.Members))
		}
		return nil
	})
	return found
}

var groupChecks = []check{
	{"group: a chain of four groups of each balancer, members come and go, every record once", chain},
	{"group: a member that is cut off loses its partitions to the other when its session ends", func(p *place) {
		p.create(4, nil)
		s := &step{p: p, from: p.topic, balancer: kgo.CooperativeStickyBalancer(), seen: map[string]int{}}
		var lost cut
		s.start()
		s.start(kgo.Dialer(lost.dial))
		p.stable(p.topic+"-group", 2)
		lost.now()
		p.stable(p.topic+"-group", 1)
		producer := p.client(kgo.DefaultProduceTopic(p.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for i := range int32(4) {
			must(producer.ProduceSync(p.ctx, &kgo.Record{Key: []byte{byte(i)}, Partition: i}).FirstErr())
		}
		eventually(func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.seen) != 4 {
				return fmt.Errorf("%d of 4 partitions are served", len(s.seen))
			}
			return nil
		})
	}},
	{"group: a static member that comes back keeps its place and its partitions", func(p *place) {
		p.create(4, nil)
		s := &step{p: p, from: p.topic, balancer: kgo.RangeBalancer(), seen: map[string]int{}}
		s.start(kgo.InstanceID("one"))
		two := s.start(kgo.InstanceID("two"))
		before := p.stable(p.topic+"-group", 2)
		_, generation := two.cl.GroupMetadata()
		two.leave()
		again := s.start(kgo.InstanceID("two"))
		eventually(func() error {
			if _, now := again.cl.GroupMetadata(); now != generation {
				return fmt.Errorf("generation %d, not %d", now, generation)
			}
			return nil
		})
		after := p.stable(p.topic+"-group", 2)
		partitions := func(g kadm.DescribedGroup, instance string) string {
			for _, m := range g.Members {
				if m.InstanceID != nil && *m.InstanceID == instance {
					assigned, _ := m.Assigned.AsConsumer()
					return fmt.Sprint(assigned.Topics)
				}
			}
			return "none"
		}
		equal("partitions", partitions(after, "two"), partitions(before, "two"))
	}},
	{"group: offsets are committed with metadata and read where the next member begins", func(p *place) {
		p.create(1, nil)
		p.fill(10, time.Now())
		open := func() *kgo.Client {
			return p.client(kgo.ConsumerGroup(p.topic), kgo.ConsumeTopics(p.topic), kgo.DisableAutoCommit(),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		}
		first := open()
		records := p.take(first, 10)
		must(first.CommitRecords(kgo.PreCommitFnContext(p.ctx, func(req *kmsg.OffsetCommitRequest) error {
			req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr("a note")
			return nil
		}), records[3]))
		first.Close()
		fetched, err := p.adm.FetchOffsets(p.ctx, p.topic)
		must(err)
		committed, _ := fetched.Lookup(p.topic, 0)
		equal("offset and metadata", []any{committed.At, committed.Metadata}, []any{int64(4), "a note"})
		equal("next member begins", p.take(open(), 1)[0].Offset, int64(4))
	}},
	{"group: a commit of a former generation or member is refused", func(p *place) {
		p.create(1, nil)
		s := &step{p: p, from: p.topic, balancer: kgo.RangeBalancer(), seen: map[string]int{}}
		m := s.start()
		p.stable(p.topic+"-group", 1)
		id, generation := m.cl.GroupMetadata()
		commit := func(id string, generation int32) error {
			req := kmsg.NewOffsetCommitRequest()
			req.Group, req.MemberID, req.Generation = p.topic+"-group", id, generation
			topic := kmsg.NewOffsetCommitRequestTopic()
			partition := kmsg.NewOffsetCommitRequestTopicPartition()
			topic.Topic, partition.Offset = p.topic, 1
			topic.Partitions = append(topic.Partitions, partition)
			req.Topics = append(req.Topics, topic)
			resp, err := req.RequestWith(p.ctx, p.client(kgo.MaxVersions(maxOffsetCommit())))
			must(err)
			return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
		}
		is("generation", commit(id, generation+5), kerr.IllegalGeneration)
		is("member", commit("nobody", generation), kerr.UnknownMemberID)
		is("no member of an active group", commit("", -1), kerr.UnknownMemberID)
		must(commit(id, generation))
		var offsets kadm.Offsets
		offsets.AddOffset(p.topic, 0, 3, -1)
		is("admin", p.adm.CommitAllOffsets(p.ctx, p.topic+"-group", offsets), kerr.UnknownMemberID)
		deleted, err := p.adm.DeleteGroup(p.ctx, p.topic+"-group")
		if err == nil {
			err = deleted.Err
		}
		is("delete while active", err, kerr.NonEmptyGroup)
	}},
	{"group: members of other protocols are refused, removed ones must join anew", func(p *place) {
		p.create(2, nil)
		s := &step{p: p, from: p.topic, balancer: kgo.RangeBalancer(), seen: map[string]int{}}
		s.start(kgo.InstanceID("static"))
		described := p.stable(p.topic+"-group", 1)
		equal("protocol", described.Protocol, "range")
		var mu sync.Mutex
		var got error
		other := &step{p: p, from: p.topic, balancer: kgo.RoundRobinBalancer(), seen: map[string]int{}}
		other.start(kgo.WithHooks(groupErrors(func(err error) {
			mu.Lock()
			defer mu.Unlock()
			got = err
		})))
		eventually(func() error {
			mu.Lock()
			defer mu.Unlock()
			if !errors.Is(got, kerr.InconsistentGroupProtocol) {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
		left, err := p.adm.LeaveGroup(p.ctx, kadm.LeaveGroup(p.topic+"-group").InstanceIDs("static", "unknown").Reason("test"))
		must(err)
		equal("static", left["static"].Err, nil)
		is("unknown", left["unknown"].Err, kerr.UnknownMemberID)
	}},
}

// groupErrors tells a client's group errors.
type groupErrors func(error)

func (tell groupErrors) OnGroupManageError(err error) { tell(err) }
