// Naru's checks with franz-go: each says on standard output, as one line of JSON, whether the broker behaved as Apache
// Kafka does. See compat/clients/program.ts for who reads it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const checkTimeout = 120 * time.Second

type check struct {
	name string
	run  func(*place)
}

// A place to try one thing: a topic name of its own, an admin client, clients that are closed afterwards.
type place struct {
	ctx   context.Context
	topic string
	adm   *kadm.Client

	mu      sync.Mutex
	clients []*kgo.Client
}

var (
	seed   string
	target string
	out    sync.Mutex
	reply  = bufio.NewReader(os.Stdin)
)

type failure struct{ text string }

func fail(format string, args ...any) { panic(failure{fmt.Sprintf(format, args...)}) }

// must ends the check when err is not nil.
func must(err error) {
	if err != nil {
		fail("%v\n%s", err, debug.Stack())
	}
}

func equal(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		fail("%s: got %v, want %v", what, got, want)
	}
}

// say prints one line for the harness.
func say(line map[string]any) {
	out.Lock()
	defer out.Unlock()
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// broker asks the harness to do something with the broker ("kill9", "stop", "restart") and waits until it is done. In a
// cluster it is the one that leads the topic's first partition.
func broker(what, topic string) {
	say(map[string]any{"do": what, "topic": topic})
	if _, err := reply.ReadString('\n'); err != nil {
		fail("the harness is gone: %v", err)
	}
}

// seeds are the brokers to begin with.
func seeds() []string { return strings.Split(seed, ",") }

// nodes are the ids of the brokers: topics have a replica on each.
func nodes() []int32 {
	var ids []int32
	for i := range seeds() {
		ids = append(ids, int32(i+1))
	}
	return ids
}

// client opens a client that is closed with the place.
func (p *place) client(opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seeds()...), kgo.RetryTimeout(20 * time.Second)}, opts...)...)
	must(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients = append(p.clients, cl)
	return cl
}

// create makes the place's topic.
func (p *place) create(partitions int32, configs map[string]string) {
	p.createNamed(p.topic, partitions, configs)
}

func (p *place) createNamed(topic string, partitions int32, configs map[string]string) {
	values := map[string]*string{}
	for name, value := range configs {
		values[name] = kadm.StringPtr(value)
	}
	made, err := p.adm.CreateTopic(p.ctx, partitions, -1, values, topic)
	must(err)
	must(made.Err)
	// Apache Kafka answers before its broker knows that it leads.
	eventually(func() error {
		ends, err := p.adm.ListEndOffsets(p.ctx, topic)
		if err == nil {
			err = ends.Error()
		}
		if err == nil && len(ends[topic]) != int(partitions) {
			err = fmt.Errorf("%d partitions", len(ends[topic]))
		}
		return err
	})
}

// eventually tries until it is nil, for 40 s.
func eventually(try func() error) {
	deadline := time.Now().Add(40 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			fail("still after 40 s: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func runCheck(c check) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	topic := "go-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, c.name)
	p := &place{ctx: ctx, topic: topic}
	done := make(chan string, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				if f, ok := r.(failure); ok {
					done <- f.text
				} else {
					done <- fmt.Sprintf("%v\n%s", r, debug.Stack())
				}
			}
		}()
		p.adm = kadm.NewClient(p.client())
		c.run(p)
		done <- ""
	}()
	var text string
	select {
	case text = <-done:
	case <-time.After(checkTimeout + 5*time.Second):
		text = "not done in time"
	}
	cancel()
	p.mu.Lock()
	clients := p.clients
	p.mu.Unlock()
	for _, cl := range clients {
		go cl.CloseAllowingRebalance()
	}
	line := map[string]any{"check": c.name, "ok": text == "", "ms": time.Since(start).Milliseconds()}
	if text != "" {
		line["error"] = text
	}
	say(line)
}

func main() {
	seed, target = os.Args[1], os.Args[2]
	only := ""
	if len(os.Args) > 3 {
		only = os.Args[3]
	}
	wanted := func(c check) bool { return strings.Contains(c.name, only) }
	queue := make(chan check)
	var workers sync.WaitGroup
	for range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for c := range queue {
				runCheck(c)
			}
		}()
	}
	for _, checks := range [][]check{groupChecks, adminChecks, produceChecks, consumeChecks} {
		for _, c := range checks {
			if wanted(c) {
				queue <- c
			}
		}
	}
	close(queue)
	workers.Wait()
	// These take the broker away from everybody.
	for _, c := range restartChecks {
		if wanted(c) {
			runCheck(c)
		}
	}
	say(map[string]any{"done": true})
}
