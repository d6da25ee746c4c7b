// SPDX-License-Identifier: ISC

package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long the browser may take to answer.
const patience = 2 * time.Minute

// A browser is a chromium that takes commands of its debugging protocol on descriptor 3 and answers
// on descriptor 4, each as JSON with a zero byte at its end.
type browser struct {
	cmd     *exec.Cmd
	home    string
	to      *os.File
	from    *bufio.Reader
	id      int
	session string
	// what has gone wrong on the page
	complaints []string
	loaded     bool
}

type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Session   string          `json:"sessionId,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	CallError *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

func start() (*browser, error) {
	home, err := os.MkdirTemp("", "alcove-site")
	if err != nil {
		return nil, err
	}
	commandsR, commandsW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answersR, answersW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// Its own sandbox does not work for root, and the pages are ours.
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+home)
	cmd.ExtraFiles = []*os.File{commandsR, answersW}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	commandsR.Close()
	answersW.Close()
	b := &browser{cmd: cmd, home: home, to: commandsW, from: bufio.NewReader(answersR)}
	return b, b.attach()
}

// attach opens a page and turns on what is asked of it.
func (b *browser) attach() error {
	var target struct{ TargetID string }
	var session struct{ SessionID string }
	if err := b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	params := map[string]any{"targetId": target.TargetID, "flatten": true}
	if err := b.call("Target.attachToTarget", params, &session); err != nil {
		return err
	}
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		if err := b.call(domain+".enable", map[string]any{}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (b *browser) close() {
	b.to.Close()
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	os.RemoveAll(b.home)
}

// call sends a command and waits for its answer. Events that come before it are noted.
func (b *browser) call(method string, params, result any) error {
	b.id++
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	command, err := json.Marshal(message{ID: b.id, Method: method, Params: text, Session: b.session})
	if err != nil {
		return err
	}
	if _, err := b.to.Write(append(command, 0)); err != nil {
		return err
	}
	for {
		m, err := b.receive()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", method, err)
		case m.ID != b.id:
			continue
		case m.CallError != nil:
			return fmt.Errorf("%s: %s", method, m.CallError.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(m.Result, result)
	}
}

func (b *browser) receive() (*message, error) {
	watchdog := time.AfterFunc(patience, func() { _ = b.cmd.Process.Kill() })
	defer watchdog.Stop()
	text, err := b.from.ReadBytes(0)
	if err != nil {
		return nil, err
	}
	m := new(message)
	if err := json.Unmarshal(text[:len(text)-1], m); err != nil {
		return nil, err
	}
	switch m.Method {
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		b.complaints = append(b.complaints, m.Method+": "+string(m.Params))
	case "Page.loadEventFired":
		b.loaded = true
	}
	return m, nil
}

type link struct{ From, To string }

// found is what a page says of itself: its anchors and links as addresses.
type found struct {
	IDs   []string
	Links []link
	Wide  []string
}

// A page that is too wide makes the window of a phone wider, so its width is given.
const inspect = `((width) => {
  const here = location.href.replace(/#.*/, "");
  const beyond = [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > width && !e.closest("pre, .wide"))
    .map((e) => e.outerHTML.slice(0, 80));
  return {
    IDs: [here, ...[...document.querySelectorAll("[id]")].map((e) => here + "#" + e.id)],
    Links: [...document.links].map((a) => ({From: here, To: decodeURI(a.href)})),
    Wide: document.documentElement.scrollWidth > width ? ["the page", ...beyond] : [],
  };
})(%d)`

// look opens a page in a window of some width.
func (b *browser) look(file string, width int) (*found, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	size := map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 800}
	if err := b.call("Emulation.setDeviceMetricsOverride", size, nil); err != nil {
		return nil, err
	}
	b.loaded, b.complaints = false, nil
	var page struct{ ErrorText string }
	if err := b.call("Page.navigate", map[string]any{"url": "file://" + file}, &page); err != nil {
		return nil, err
	}
	for page.ErrorText == "" && !b.loaded {
		if _, err := b.receive(); err != nil {
			return nil, err
		}
	}
	f := new(found)
	if err := b.evaluate(fmt.Sprintf(inspect, width), f); err != nil {
		return nil, err
	}
	if len(f.Wide) > 0 {
		b.complaints = append(b.complaints, fmt.Sprintf("wider than %d: %s", width, strings.Join(f.Wide, "\n\t")))
	}
	if page.ErrorText != "" {
		b.complaints = append(b.complaints, page.ErrorText)
	}
	return f, b.complained()
}

func (b *browser) complained() error {
	if len(b.complaints) == 0 {
		return nil
	}
	return errors.New(strings.Join(b.complaints, "\n\t"))
}

// evaluate runs a script in the page.
func (b *browser) evaluate(script string, value any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	params := map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}
	if err := b.call("Runtime.evaluate", params, &answer); err != nil {
		return err
	}
	if answer.ExceptionDetails != nil {
		return errors.New(string(answer.ExceptionDetails))
	}
	return json.Unmarshal(answer.Result.Value, value)
}

func (b *browser) picture(file string) error {
	var shot struct{ Data string }
	if err := b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot); err != nil {
		return err
	}
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}
