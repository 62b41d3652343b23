// Tests that end as no test should, each alone.
//
// Where SERVE is a line of shell, they start it as a server that ends with its stdin, and hold that.
package runners

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func holdServer(t *testing.T) {
	line, held := os.LookupEnv("SERVE")
	if !held {
		return
	}
	server := exec.Command("sh", "-c", "exec "+line)
	server.Stderr = os.Stderr
	if _, err := server.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if started, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(started, err)
	}
}

func TestPanics(t *testing.T) {
	holdServer(t)
	panic("on purpose")
}

func TestPanicsElsewhere(t *testing.T) {
	holdServer(t)
	go panic("on purpose")
	select {}
}

func TestExits(t *testing.T) {
	holdServer(t)
	os.Exit(3)
}

func TestIsKilled(t *testing.T) {
	holdServer(t)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestIsTerminated(t *testing.T) {
	holdServer(t)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {}
}
