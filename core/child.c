/* SPDX-License-Identifier: MIT
 *
 * Child processes, begun off the loop: see child.h.
 *
 * libuv's own children and these do not meet: each side waits for its own by
 * their ids only.
 */
#include "config.h"

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void children_init(struct children *children, uv_loop_t *loop) {
  memset(children, 0, sizeof(*children));
  children->loop = loop;
  list_init(&children->all);
}

/* ---- its end ---------------------------------------------------------------
 */

static void on_watch_closed(uv_handle_t *handle) {
  free(handle);
}

/* A handle that stayed would keep the loop from ending. */
static void forget(struct children *children) {
  if (--children->count > 0)
    return;
  uv_close((uv_handle_t *)children->watch, on_watch_closed);
  children->watch = NULL;
}

static void reap(struct child *child) {
  struct children *children = child->children;
  int status, signal;
  pid_t pid;
  do
    pid = waitpid(child->pid, &status, WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid == 0)
    return;
  list_remove(&child->link);
  signal = pid > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  /* What nobody knows any more is not taken for success. */
  status = pid < 0 ? 255 : WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  child->ended(child, status, signal); /* it may be gone after this */
  forget(children);
}

static void on_child_signal(uv_signal_t *watch, int number) {
  struct children *children = watch->data;
  struct link *next;
  (void)number;
  for (struct link *l = children->all.next; l != &children->all; l = next) {
    next = l->next;
    reap(LINK_ENTRY(l, struct child, link));
  }
}

static int start_watch(struct children *children) {
  uv_signal_t *watch;
  int rc;
  if (children->watch != NULL)
    return 0;
  watch = malloc(sizeof(*watch));
  if (watch == NULL)
    return UV_ENOMEM;
  rc = uv_signal_init(children->loop, watch);
  if (rc != 0) {
    free(watch);
    return rc;
  }
  rc = uv_signal_start(watch, on_child_signal, SIGCHLD);
  if (rc != 0) {
    uv_close((uv_handle_t *)watch, on_watch_closed);
    return rc;
  }
  watch->data = children;
  children->watch = watch;
  return 0;
}

/* ---- its beginning: on a pool thread ---------------------------------------
 */

static int set_attributes(posix_spawnattr_t *attr) {
  sigset_t set;
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  int code;
  sigfillset(&set);
  sigdelset(&set, SIGKILL);
  sigdelset(&set, SIGSTOP);
  code = posix_spawnattr_setsigdefault(attr, &set);
  sigemptyset(&set);
  if (code == 0)
    code = posix_spawnattr_setsigmask(attr, &set);
#ifdef POSIX_SPAWN_SETSID
  flags |= POSIX_SPAWN_SETSID;
#else
  flags |= POSIX_SPAWN_SETPGROUP; /* to 0, its own id */
#endif
  return code == 0 ? posix_spawnattr_setflags(attr, flags) : code;
}

/* The outputs come first: descriptor 0 may be the one they go to. */
static int set_files(posix_spawn_file_actions_t *files, int output) {
  int code = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
  if (code == 0)
    code = posix_spawn_file_actions_adddup2(files, output, STDERR_FILENO);
  if (code == 0)
    code = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null",
                                            O_RDWR, 0);
  return code;
}

/* A file without #! that a shell would take for a script: a shell gets it, and
 * finds it again. */
static int spawn_script(struct child *child,
                        const posix_spawn_file_actions_t *files,
                        const posix_spawnattr_t *attr) {
  static char sh[] = "sh", option[] = "-c", line[] = "exec \"$0\" \"$@\"";
  size_t count = 0;
  char **words;
  int code;
  while (child->words[count] != NULL)
    count++;
  words = malloc((count + 4) * sizeof(*words));
  if (words == NULL)
    return ENOMEM;
  words[0] = sh;
  words[1] = option;
  words[2] = line;
  memcpy(words + 3, child->words, (count + 1) * sizeof(*words));
  code = posix_spawn(&child->pid, "/bin/sh", files, attr, words, environ);
  free(words);
  return code;
}

static int spawn(struct child *child, posix_spawn_file_actions_t *files) {
  posix_spawnattr_t attr;
  int code = posix_spawnattr_init(&attr);
  if (code != 0)
    return code;
  code = set_attributes(&attr);
  if (code == 0)
    code = set_files(files, child->output);
  if (code == 0) {
    code = posix_spawnp(&child->pid, child->words[0], files, &attr,
                        child->words, environ);
    if (code == ENOEXEC)
      code = spawn_script(child, files, &attr);
  }
  posix_spawnattr_destroy(&attr);
  return code;
}

static void on_work(uv_work_t *work) {
  struct child *child = work->data;
  posix_spawn_file_actions_t files;
  child->code = posix_spawn_file_actions_init(&files);
  if (child->code != 0)
    return;
  child->code = spawn(child, &files);
  posix_spawn_file_actions_destroy(&files);
}

static void on_begun(uv_work_t *work, int status) {
  struct child *child = work->data;
  struct children *children = child->children;
  (void)status; /* nobody cancels it */
  if (child->code != 0) {
    child->started(child, uv_translate_sys_error(child->code));
    forget(children);
    return;
  }
  list_append(&children->all, &child->link);
  child->started(child, 0);
  reap(child); /* its signal may have come before it was known */
}

int child_start(struct children *children, struct child *child) {
  int rc = start_watch(children);
  child->children = children;
  child->work.data = child;
  if (rc != 0)
    return rc;
  children->count++;
  rc = uv_queue_work(children->loop, &child->work, on_work, on_begun);
  if (rc != 0)
    forget(children);
  return rc;
}
