/* SPDX-License-Identifier: MIT
 *
 * The queue between the engine and a reporter. This is one of the few files
 * where data crosses threads: a list guarded by a mutex that is held for a few
 * instructions at a time, and a pipe for waking up. See report_queue.h.
 */
#include "config.h"

#include "report_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report_queue {
  int read_fd, write_fd;
  pthread_mutex_t lock;
  /* guarded by lock */
  struct report_event *head, **tail;
  unsigned done, failed;
  uint64_t dropped;
};

static int set_flags(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
    return ERR_IO;
  return 0;
}

int report_queue_new(struct report_queue **out, struct errmsg *msg) {
  struct report_queue *queue = calloc(1, sizeof *queue);
  int fds[2];
  if (queue == NULL)
    return err_set(msg, ERR_NOMEM, "out of memory");
  if (pipe(fds) != 0) {
    free(queue);
    return err_set(msg, ERR_IO, "cannot make a pipe: %s", strerror(errno));
  }
  queue->read_fd = fds[0];
  queue->write_fd = fds[1];
  queue->tail = &queue->head;
  if (set_flags(fds[0]) != 0 || set_flags(fds[1]) != 0 ||
      pthread_mutex_init(&queue->lock, NULL) != 0) {
    close(fds[0]);
    close(fds[1]);
    free(queue);
    return err_set(msg, ERR_IO, "cannot prepare a pipe");
  }
  *out = queue;
  return 0;
}

void report_queue_free(struct report_queue *queue) {
  if (queue == NULL)
    return;
  while (queue->head != NULL) {
    struct report_event *next = queue->head->next;
    free(queue->head);
    queue->head = next;
  }
  pthread_mutex_destroy(&queue->lock);
  close(queue->read_fd);
  close(queue->write_fd);
  free(queue);
}

/* ---- the engine's side
 * -------------------------------------------------------- */

static void on_wake(void *arg) {
  struct report_queue *queue = arg;
  /* A full pipe will wake the reader just as well. */
  ssize_t n = write(queue->write_fd, "", 1);
  (void)n;
}

static const char *copy_text(char **at, const char *text) {
  size_t size = strlen(text) + 1;
  const char *copy = memcpy(*at, text, size);
  *at += size;
  return copy;
}

static const char *or_empty(const char *text) {
  return text != NULL ? text : "";
}

static struct report_event *copy_event(const struct engine_event *event) {
  const char *url = or_empty(event->url), *path = or_empty(event->path);
  const char *reason = or_empty(event->reason);
  const char *digest = or_empty(event->digest);
  size_t size =
      strlen(url) + strlen(path) + strlen(reason) + strlen(digest) + 4;
  struct report_event *copy = malloc(sizeof *copy + size);
  if (copy == NULL)
    return NULL;
  char *at = (char *)(copy + 1);
  copy->next = NULL;
  copy->event = *event;
  copy->event.url = copy_text(&at, url);
  copy->event.path = copy_text(&at, path);
  copy->event.reason = copy_text(&at, reason);
  copy->event.digest = copy_text(&at, digest);
  return copy;
}

static unsigned *counter(struct report_queue *queue, enum task_state state) {
  return state == TASK_DONE ? &queue->done : &queue->failed;
}

static void on_event(void *arg, const struct engine_event *event) {
  struct report_queue *queue = arg;
  unsigned max =
      event->state == TASK_DONE ? REPORT_DONE_MAX : REPORT_FAILED_MAX;
  struct report_event *copy = copy_event(event);
  pthread_mutex_lock(&queue->lock);
  bool was_empty = queue->head == NULL;
  unsigned *count = counter(queue, event->state);
  if (copy == NULL || *count >= max) {
    queue->dropped++;
    free(copy);
  } else {
    ++*count;
    *queue->tail = copy;
    queue->tail = &copy->next;
  }
  pthread_mutex_unlock(&queue->lock);
  if (was_empty)
    on_wake(queue);
}

void report_queue_hooks(struct report_queue *queue,
                        struct engine_hooks *hooks) {
  *hooks =
      (struct engine_hooks){.arg = queue, .event = on_event, .wake = on_wake};
}

/* ---- the reporter's side
 * ------------------------------------------------------ */

int report_queue_fd(const struct report_queue *queue) {
  return queue->read_fd;
}

void report_queue_quiet(struct report_queue *queue) {
  char bytes[64];
  while (read(queue->read_fd, bytes, sizeof bytes) > 0)
    continue;
}

struct report_event *report_queue_take(struct report_queue *queue) {
  pthread_mutex_lock(&queue->lock);
  struct report_event *event = queue->head;
  if (event != NULL) {
    queue->head = event->next;
    if (queue->head == NULL)
      queue->tail = &queue->head;
    --*counter(queue, event->event.state);
  }
  pthread_mutex_unlock(&queue->lock);
  return event;
}

uint64_t report_queue_dropped(struct report_queue *queue) {
  pthread_mutex_lock(&queue->lock);
  uint64_t dropped = queue->dropped;
  pthread_mutex_unlock(&queue->lock);
  return dropped;
}
