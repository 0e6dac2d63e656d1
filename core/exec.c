/* SPDX-License-Identifier: MIT
 *
 * Programs run on finished files: see exec.h.
 */
#include "config.h"

#include "exec.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUFFER 4096
#define DRAIN_MS 200
#define EXEC_OF_CHILD(c) LINK_ENTRY(c, struct exec, child)

struct exec {
  struct execs *execs;
  void *owner;
  const struct exec_ops *ops;
  struct link all, queued;
  struct semaphore_waiter waiter;
  char *path;
  struct child child;
  uv_pipe_t output;
  uv_timer_t timer;
  unsigned handles; /* open ones */
  bool waiting;     /* for a permit, */
  bool ready;       /* for those to be started before it, */
  bool starting, running, stopped, gone;
  uint64_t began_ns, ended_ns;
  unsigned lines;
  struct exec_result result;
  char line[EXEC_LINE + 1];
  size_t line_length;
  char last[EXEC_LINE + 1];
  char why[EXEC_LINE + 100];
  char *buffer; /* owned, while it runs: thousands may wait */
};

/* ---- commands ---------------------------------------------------------------
 */

static int add_word(struct exec_command *command, const char *text,
                    size_t length) {
  char *word;
  if (command->count == EXEC_WORDS)
    return ERR_TOOBIG;
  word = malloc(length + 1);
  if (word == NULL)
    return ERR_NOMEM;
  memcpy(word, text, length);
  word[length] = '\0';
  command->words[command->count++] = word;
  return 0;
}

/* One word into buffer: quotes and backslashes as a shell reads them. Returns
 * what is behind it, or NULL for quotes that do not match. */
static const char *read_word(const char *at, char *buffer, size_t *length) {
  char quote = '\0';
  *length = 0;
  for (; *at != '\0' && (quote != '\0' || (*at != ' ' && *at != '\t')); at++) {
    if (quote == '\0' && (*at == '\'' || *at == '"')) {
      quote = *at;
      continue;
    }
    if (*at == quote) {
      quote = '\0';
      continue;
    }
    if (*at == '\\' && quote != '\'') {
      if (at[1] == '\0')
        return NULL;
      if (quote == '\0' || at[1] == '"' || at[1] == '\\')
        at++;
    }
    buffer[(*length)++] = *at;
  }
  return quote == '\0' ? at : NULL;
}

static int split(struct exec_command *command, const char *text) {
  char *buffer = malloc(strlen(text) + 1);
  int code = buffer != NULL ? 0 : ERR_NOMEM;
  while (code == 0) {
    size_t length;
    text += strspn(text, " \t");
    if (*text == '\0')
      break;
    text = read_word(text, buffer, &length);
    code = text != NULL ? add_word(command, buffer, length) : ERR_SYNTAX;
  }
  free(buffer);
  return code;
}

/* ---- for a shell --------------------------------------------------------- */

#define NESTING 16

/* Which quotes are open, in this and each surrounding $( ) or ` `. */
struct quoting {
  char quote[NESTING], closes[NESTING];
  int depth;
};

static void open_inner(struct quoting *q, char closes) {
  if (q->depth + 1 < NESTING)
    q->closes[++q->depth] = closes;
  q->quote[q->depth] = '\0';
}

/* Follows the shell through the next character; returns how many bytes belong
 * together. */
static size_t follow(struct quoting *q, const char *at) {
  char *quote = &q->quote[q->depth];
  if (*quote == '\'') {
    if (*at == '\'')
      *quote = '\0';
    return 1;
  }
  if (*at == '\\' && at[1] != '\0')
    return 2;
  if (q->depth > 0 && *quote == '\0' && *at == q->closes[q->depth]) {
    q->depth--;
  } else if (*at == '`') {
    open_inner(q, '`');
  } else if (*at == '$' && at[1] == '(') {
    open_inner(q, ')');
    return 2;
  } else if (q->depth > 0 && *quote == '\0' && *at == '(') {
    open_inner(q, ')');
  } else if (*at == '"') {
    *quote = *quote == '"' ? '\0' : '"';
  } else if (*at == '\'' && *quote == '\0') {
    *quote = '\'';
  }
  return 1;
}

/* {} as the first argument, of one word whatever is in it. */
static char *shell_line(const char *text) {
  struct quoting q = {.depth = 0};
  char *line = malloc(strlen(text) * 4 + 1), *to = line;
  while (line != NULL && *text != '\0') {
    char quote = q.quote[q.depth];
    if (strncmp(text, "{}", 2) == 0) {
      to = stpcpy(to, quote == '"'    ? "${1}"
                      : quote == '\'' ? "'\"${1}\"'"
                                      : "\"${1}\"");
      text += 2;
      continue;
    }
    size_t length = follow(&q, text);
    memcpy(to, text, length);
    to += length;
    text += length;
  }
  if (line != NULL)
    *to = '\0';
  return line;
}

/* sh -c COMMAND sh PATH */
static int shell_words(struct exec_command *command, const char *text) {
  char *line = shell_line(text);
  const char *const words[] = {"/bin/sh", "-c", line, "sh", "{}"};
  int code = line != NULL ? 0 : ERR_NOMEM;
  for (size_t i = 0; i < sizeof words / sizeof *words && code == 0; i++)
    code = add_word(command, words[i], strlen(words[i]));
  free(line);
  return code;
}

static bool has_place(const struct exec_command *command) {
  for (size_t i = 0; i < command->count; i++)
    if (strstr(command->words[i], "{}") != NULL)
      return true;
  return false;
}

int exec_command_init(struct exec_command *command, const char *text,
                      bool shell, struct errmsg *msg) {
  int code = 0;
  memset(command, 0, sizeof(*command));
  command->shell = shell;
  command->words = calloc(EXEC_WORDS + 1, sizeof(*command->words));
  if (command->words == NULL)
    code = ERR_NOMEM;
  else if (text[strspn(text, " \t")] == '\0')
    code = ERR_SYNTAX;
  else
    code = shell ? shell_words(command, text) : split(command, text);
  if (code == 0 && !has_place(command))
    code = add_word(command, "{}", 2);
  if (code == 0)
    return 0;
  exec_command_fini(command);
  return err_set(msg, code, "%s",
                 code == ERR_SYNTAX   ? "there is nothing to run, or a quote "
                                        "without its fellow"
                 : code == ERR_TOOBIG ? "too many words"
                                      : err_text(code));
}

void exec_command_fini(struct exec_command *command) {
  for (size_t i = 0; i < command->count; i++)
    free(command->words[i]);
  free(command->words);
  memset(command, 0, sizeof(*command));
}

/* Length of a word with path for each {}; written to out unless NULL. The
 * command line of a shell is left as it is. */
static size_t fill(const char *word, const char *path, bool plain, char *out) {
  size_t length = 0, path_length = strlen(path);
  while (*word != '\0') {
    bool place = !plain && strncmp(word, "{}", 2) == 0;
    if (out != NULL && place)
      memcpy(out + length, path, path_length);
    else if (out != NULL)
      out[length] = *word;
    length += place ? path_length : 1;
    word += place ? 2 : 1;
  }
  if (out != NULL)
    out[length] = '\0';
  return length + 1;
}

char **exec_command_for(const struct exec_command *command, const char *path) {
  size_t size = (command->count + 1) * sizeof(char *);
  char **words;
  char *at;
  for (size_t i = 0; i < command->count; i++)
    size += fill(command->words[i], path, command->shell && i < 4, NULL);
  words = malloc(size);
  if (words == NULL)
    return NULL;
  at = (char *)(words + command->count + 1);
  for (size_t i = 0; i < command->count; i++) {
    words[i] = at;
    at += fill(command->words[i], path, command->shell && i < 4, at);
  }
  words[command->count] = NULL;
  return words;
}

/* ---- what it says
 * ----------------------------------------------------------------- */

static void end_line(struct exec *x) {
  x->line[x->line_length] = '\0';
  if (x->line_length > 0)
    memcpy(x->last, x->line, x->line_length + 1);
  if (x->line_length > 0 && x->lines++ < EXEC_LINES)
    x->ops->line(x->owner, x->line);
  x->line_length = 0;
}

/* Bytes beyond the ceiling of a line are dropped; NUL bytes are no text. */
static void take_output(struct exec *x, const char *data, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (data[i] == '\n' || data[i] == '\r')
      end_line(x);
    else if (x->line_length < EXEC_LINE && data[i] != '\0')
      x->line[x->line_length++] = data[i];
  }
}

static void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf) {
  struct exec *x = handle->data;
  (void)want;
  *buf = uv_buf_init(x->buffer, BUFFER);
}

static void check_end(struct exec *x);

static void on_closed(uv_handle_t *handle) {
  struct exec *x = handle->data;
  x->handles--;
  check_end(x);
}

static void close_handle(uv_handle_t *handle) {
  if (!uv_is_closing(handle))
    uv_close(handle, on_closed);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct exec *x = stream->data;
  if (n > 0) {
    take_output(x, buf->base, (size_t)n);
  } else if (n < 0) {
    end_line(x);
    close_handle((uv_handle_t *)stream);
    if (!x->running)
      close_handle((uv_handle_t *)&x->timer);
  }
}

/* ---- its end
 * -------------------------------------------------------------------------- */

static void say_why(struct exec *x) {
  struct exec_result *r = &x->result;
  const char *said = x->last[0] != '\0' ? ": " : "";
  x->why[0] = '\0';
  if (x->stopped)
    r->code = ERR_CLOSED;
  else if (r->timed_out || r->signal != 0 || r->status != 0)
    r->code = ERR_IO;
  if (r->code == 0)
    return;
  if (r->timed_out)
    snprintf(x->why, sizeof(x->why), "the program took longer than %g s%s%s",
             x->execs->timeout_s, said, x->last);
  else if (x->stopped)
    snprintf(x->why, sizeof(x->why), "the program was stopped");
  else if (r->status < 0 && r->signal == 0)
    snprintf(x->why, sizeof(x->why), "the program could not be started: %s",
             x->last);
  else if (r->signal != 0)
    snprintf(x->why, sizeof(x->why), "the program was ended by signal %d%s%s",
             r->signal, said, x->last);
  else
    snprintf(x->why, sizeof(x->why), "the program ended with status %d%s%s",
             r->status, said, x->last);
}

/* Over when the process has ended, its handles are closed and its permit is
 * given back. */
static void check_end(struct exec *x) {
  struct execs *execs = x->execs;
  if (x->waiting || x->ready || x->starting || x->running || x->handles > 0 ||
      x->gone)
    return;
  x->gone = true;
  say_why(x);
  x->result.why = x->why;
  x->result.said = x->last;
  x->result.seconds = (double)(x->ended_ns - x->began_ns) / 1e9;
  execs->live--;
  execs->failed += x->result.code == ERR_IO;
  execs->timed_out += x->result.timed_out;
  execs->wall_ns += x->ended_ns - x->began_ns;
  list_remove(&x->all);
  x->ops->ended(x->owner, &x->result);
  free(x->buffer);
  free(x->path);
  free(x);
}

static uint64_t children_cpu_us(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_CHILDREN, &usage) != 0)
    return 0;
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void on_drained(uv_timer_t *timer) {
  struct exec *x = timer->data;
  end_line(x);
  close_handle((uv_handle_t *)&x->output);
  close_handle((uv_handle_t *)timer);
}

static void on_exit_status(struct child *child, int status, int signal) {
  struct exec *x = EXEC_OF_CHILD(child);
  x->running = false;
  x->ended_ns = uv_hrtime();
  x->result.status = status;
  x->result.signal = signal;
  x->execs->cpu_us = children_cpu_us();
  /* What it left behind in its group ends with it. */
  (void)uv_kill(-child->pid, SIGKILL);
  /* Its last words may still be in the pipe; who left the group may keep that
   * open for ever. */
  if (uv_is_closing((uv_handle_t *)&x->output))
    close_handle((uv_handle_t *)&x->timer);
  else
    uv_timer_start(&x->timer, on_drained, DRAIN_MS, 0);
  semaphore_release(&x->execs->sem, uv_hrtime());
}

/* ---- its beginning ---------------------------------------------------------
 */

static void on_kill_due(uv_timer_t *timer) {
  struct exec *x = timer->data;
  (void)uv_kill(-x->child.pid, SIGKILL);
}

static void end_process(struct exec *x) {
  (void)uv_kill(-x->child.pid, SIGTERM);
  uv_timer_start(&x->timer, on_kill_due, EXEC_KILL_MS, EXEC_KILL_MS);
}

static void on_timeout(uv_timer_t *timer) {
  struct exec *x = timer->data;
  x->result.timed_out = true;
  end_process(x);
}

static void open_handles(struct exec *x) {
  uv_loop_t *loop = x->execs->loop;
  uv_pipe_init(loop, &x->output, 0);
  uv_timer_init(loop, &x->timer);
  x->output.data = x->timer.data = x;
  x->handles = 2;
}

static void start_next(struct execs *execs);

static void not_started(struct exec *x, int rc) {
  if (!x->stopped)
    snprintf(x->last, sizeof(x->last), "%s", uv_strerror(rc));
  x->ended_ns = uv_hrtime();
  close_handle((uv_handle_t *)&x->output);
  close_handle((uv_handle_t *)&x->timer);
  semaphore_release(&x->execs->sem, uv_hrtime());
}

static void on_started(struct child *child, int rc) {
  struct exec *x = EXEC_OF_CHILD(child);
  struct execs *execs = x->execs;
  close(child->output);
  free(child->words);
  x->starting = execs->starting = false;
  x->running = rc == 0;
  execs->started += rc == 0;
  if (rc != 0)
    not_started(x, rc);
  else if (x->stopped)
    end_process(x);
  else if (execs->timeout_s > 0)
    uv_timer_start(&x->timer, on_timeout, (uint64_t)(execs->timeout_s * 1000),
                   0);
  start_next(execs);
}

/* 0 or libuv's error; the reading end is taken over. Both outputs go into one
 * pipe, so that lines keep their order. */
static int launch(struct exec *x) {
  uv_file fds[2];
  int rc = UV_ENOMEM;
  x->child.words = exec_command_for(&x->execs->command, x->path);
  x->buffer = malloc(BUFFER);
  if (x->child.words != NULL && x->buffer != NULL)
    rc = uv_pipe(fds, UV_NONBLOCK_PIPE, 0);
  if (rc != 0) {
    free(x->child.words);
    return rc;
  }
  x->child.output = fds[1];
  x->child.started = on_started;
  x->child.ended = on_exit_status;
  rc = uv_pipe_open(&x->output, fds[0]);
  if (rc != 0)
    close(fds[0]);
  /* Before there is a process: one that runs can no longer fail to begin. */
  if (rc == 0)
    rc = uv_read_start((uv_stream_t *)&x->output, on_alloc, on_output);
  if (rc == 0)
    rc = child_start(&x->execs->children, &x->child);
  if (rc == 0)
    return 0;
  close(fds[1]);
  free(x->child.words);
  return rc;
}

/* One at a time, in their order: who has a permit gets a pipe only when it is
 * its turn. */
static void start_next(struct execs *execs) {
  while (!execs->starting && !list_empty(&execs->ready)) {
    struct exec *x = LINK_ENTRY(list_take(&execs->ready), struct exec, queued);
    int rc;
    x->ready = false;
    open_handles(x);
    x->began_ns = uv_hrtime();
    rc = launch(x);
    x->starting = execs->starting = rc == 0;
    if (rc != 0)
      not_started(x, rc);
  }
}

static void begin(struct exec *x) {
  x->waiting = false;
  x->ready = true;
  x->result.status = -1;
  list_append(&x->execs->ready, &x->queued);
  start_next(x->execs);
}

static void on_granted(struct semaphore_waiter *waiter) {
  begin(waiter->arg);
}

struct exec *exec_start(struct execs *execs, const char *path, int priority,
                        void *owner, const struct exec_ops *ops) {
  struct exec *x = calloc(1, sizeof(*x));
  if (x != NULL)
    x->path = strdup(path);
  if (x == NULL || x->path == NULL) {
    free(x);
    return NULL;
  }
  x->execs = execs;
  x->owner = owner;
  x->ops = ops;
  x->waiting = true;
  x->waiter.granted = on_granted;
  x->waiter.arg = x;
  x->waiter.priority = priority;
  execs->live++;
  list_append(&execs->all, &x->all);
  if (semaphore_acquire(&execs->sem, &x->waiter, uv_hrtime()))
    begin(x);
  return x;
}

void exec_stop(struct exec *x) {
  if (x->stopped)
    return;
  x->stopped = true;
  if (x->running)
    end_process(x);
  if (!x->waiting && !x->ready)
    return;
  uv_timer_init(x->execs->loop, &x->timer); /* for a turn of the loop */
  x->timer.data = x;
  x->handles = 1;
  close_handle((uv_handle_t *)&x->timer);
  if (x->waiting) {
    semaphore_cancel(&x->execs->sem, &x->waiter);
    x->waiting = false;
    return;
  }
  list_remove(&x->queued);
  x->ready = false;
  semaphore_release(&x->execs->sem, uv_hrtime());
}

void execs_stop_all(struct execs *execs) {
  struct link *l;
  /* Those who wait first: they are not to get the others' permits. */
  for (l = execs->all.next; l != &execs->all; l = l->next)
    if (LINK_ENTRY(l, struct exec, all)->waiting)
      exec_stop(LINK_ENTRY(l, struct exec, all));
  for (l = execs->all.next; l != &execs->all; l = l->next)
    exec_stop(LINK_ENTRY(l, struct exec, all));
}

void execs_init(struct execs *execs, uv_loop_t *loop, uint32_t limit,
                double timeout_s, struct exec_command *command) {
  memset(execs, 0, sizeof(*execs));
  execs->loop = loop;
  execs->timeout_s = timeout_s;
  execs->command = *command;
  memset(command, 0, sizeof(*command));
  semaphore_init(&execs->sem, "exec", limit);
  list_init(&execs->all);
  list_init(&execs->ready);
  children_init(&execs->children, loop);
}

void execs_fini(struct execs *execs) {
  exec_command_fini(&execs->command);
}
