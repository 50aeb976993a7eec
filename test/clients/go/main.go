// A busy Go program under pyroscope-go: spends its time in burnCpu under a label, allocates in
// keepMemory, waits for a lock in waitForLock, then stops, which uploads one profile of each kind.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/grafana/pyroscope-go"
)

var kept [][]byte

//go:noinline
func burnCpu(rounds int) int {
	sum := 0
	for i := range rounds {
		sum = (sum*31 + i) % 1_000_003
	}
	return sum
}

//go:noinline
func keepMemory(sum int) {
	kept = append(kept, make([]byte, 64<<10+sum%2))
}

//go:noinline
func waitForLock(lock *sync.Mutex) {
	lock.Lock()
	time.Sleep(time.Millisecond)
	lock.Unlock()
}

func main() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	runtime.MemProfileRate = 64 << 10
	profiler, err := pyroscope.Start(pyroscope.Config{
		ApplicationName:   "busy.go",
		ServerAddress:     os.Getenv("PHLOX_URL"),
		BasicAuthUser:     os.Getenv("PHLOX_USER"),
		BasicAuthPassword: os.Getenv("PHLOX_PASSWORD"),
		Tags:              map[string]string{"region": "north"},
		UploadRate:        2 * time.Second,
		ProfileTypes: []pyroscope.ProfileType{
			pyroscope.ProfileCPU,
			pyroscope.ProfileAllocObjects, pyroscope.ProfileAllocSpace,
			pyroscope.ProfileInuseObjects, pyroscope.ProfileInuseSpace,
			pyroscope.ProfileGoroutines,
			pyroscope.ProfileMutexCount, pyroscope.ProfileMutexDuration,
			pyroscope.ProfileBlockCount, pyroscope.ProfileBlockDuration,
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var lock sync.Mutex
	go func() {
		for {
			waitForLock(&lock)
		}
	}()
	end := time.Now().Add(2500 * time.Millisecond)
	for time.Now().Before(end) {
		pyroscope.TagWrapper(context.Background(), pyroscope.Labels("endpoint", "/checkout"), func(context.Context) {
			keepMemory(burnCpu(20_000_000))
		})
		waitForLock(&lock)
	}
	profiler.Stop()
	runtime.KeepAlive(kept)
}
