/* SPDX-License-Identifier: MIT
 *
 * One wish and one result under a mutex; a newer one takes the place of an
 * older. A search is cut into steps, and each step sees whether it is still
 * wanted.
 */
#include "config.h"

#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errclass.h"
#include "text.h"
#include "tty.h"

struct pager {
  char *dir;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t asked;
  int pipe[2];
  /* under mutex */
  struct pager_wish wish;
  uint64_t number; /* of the wish */
  struct pager_result *result;
  struct pager_wish errand; /* a list to be written; NOTHING none */
  struct pager_result *errand_result;
  bool closing;
  /* the reader's own */
  struct history *history;
};

void pager_free(struct pager_result *result) {
  if (result == NULL)
    return;
  history_page_fini(&result->page);
  free(result->classes);
  free(result->hosts);
  free(result);
}

/* ---- reading (the thread) ------------------------------------------------ */

static void publish(struct pager *pager, struct pager_result *result) {
  pthread_mutex_lock(&pager->mutex);
  struct pager_result **place =
      result->wish.what == PAGER_WRITE ? &pager->errand_result : &pager->result;
  pager_free(*place);
  *place = result;
  pthread_mutex_unlock(&pager->mutex);
  (void)!write(pager->pipe[1], "r", 1);
}

static bool is_stale(struct pager *pager, uint64_t number) {
  pthread_mutex_lock(&pager->mutex);
  bool stale = pager->closing || pager->number != number;
  pthread_mutex_unlock(&pager->mutex);
  return stale;
}

static void fill_query(struct history_query *query,
                       const struct pager_wish *wish) {
  query->kinds = wish->kinds;
  query->class_name = wish->class_name[0] != '\0' ? wish->class_name : NULL;
  query->text = wish->text[0] != '\0' ? wish->text : NULL;
}

/* A quarter of the page lies before the task. */
static void go_near(struct pager *pager, struct pager_result *result) {
  if (history_position(pager->history, result->wish.near, &result->at) != 0)
    result->at = 0;
  result->wish.from =
      result->at > PAGER_ROWS / 4 ? result->at - PAGER_ROWS / 4 : 0;
}

/* Searches go on until something is found, the end is reached, or something
 * else is wanted. */
static void read_page(struct pager *pager, struct pager_result *result,
                      uint64_t number) {
  struct history_query query = {.in_clear = false};
  if (result->wish.near != 0)
    go_near(pager, result);
  uint64_t from = result->wish.from;
  fill_query(&query, &result->wish);
  do {
    history_page_fini(&result->page);
    memset(&result->page, 0, sizeof result->page);
    result->code =
        history_page(pager->history, &query, from, result->wish.backwards,
                     PAGER_ROWS, &result->page, &result->msg);
    from = result->page.next;
  } while (result->code == 0 && result->page.count == 0 && !result->page.end &&
           !is_stale(pager, number));
  result->searching = !result->page.end && result->page.count == 0;
}

static void count_host(struct pager_result *result, const char *url) {
  char name[sizeof result->hosts[0].name];
  errclass_host_name(url, name, sizeof name);
  for (size_t i = 0; i < result->host_count; i++)
    if (strcmp(result->hosts[i].name, name) == 0) {
      result->hosts[i].count++;
      return;
    }
  if (result->host_count == PAGER_HOSTS) {
    result->cut = true;
    return;
  }
  struct pager_host *host = &result->hosts[result->host_count++];
  snprintf(host->name, sizeof host->name, "%s", name);
  host->count = 1;
}

static int more_first(const void *a, const void *b) {
  const struct pager_host *x = a, *y = b;
  if (x->count != y->count)
    return x->count < y->count ? 1 : -1;
  return strcmp(x->name, y->name);
}

static void read_hosts(struct pager *pager, struct pager_result *result,
                       uint64_t number) {
  struct history_query query = {.in_clear = false};
  uint64_t from = 0;
  size_t seen = 0;
  bool end = false;
  fill_query(&query, &result->wish);
  result->hosts = calloc(PAGER_HOSTS, sizeof *result->hosts);
  if (result->hosts == NULL)
    result->code = ERR_NOMEM;
  while (result->code == 0 && !end && seen < PAGER_SCAN &&
         !is_stale(pager, number)) {
    struct history_page page = {0};
    result->code = history_page(pager->history, &query, from, false, PAGER_ROWS,
                                &page, &result->msg);
    for (size_t i = 0; result->code == 0 && i < page.count; i++)
      count_host(result, page.rows[i].url);
    seen += page.count;
    from = page.next;
    end = page.end;
    history_page_fini(&page);
  }
  result->cut |= !end;
  if (result->host_count > 0)
    qsort(result->hosts, result->host_count, sizeof *result->hosts, more_first);
}

/* As `spate failed` prints it: what became of the task, then its line. */
static void write_row(FILE *file, const struct history_row *row) {
  char reason[512];
  text_clip(reason, sizeof reason, row->reason, TEXT_WHOLE, -1, 0, NULL);
  fprintf(file, "# %s%s%s\n%s%s%s\n", history_kind_name(row->kind),
          reason[0] != '\0' ? ": " : "", reason, row->url,
          row->name[0] != '\0' ? "\t" : "", row->name);
}

static bool is_closing(struct pager *pager) {
  pthread_mutex_lock(&pager->mutex);
  bool closing = pager->closing;
  pthread_mutex_unlock(&pager->mutex);
  return closing;
}

static void write_all(struct pager *pager, struct pager_result *result,
                      FILE *file) {
  struct history_query query = {.in_clear = true};
  uint64_t from = 0;
  bool end = false;
  fill_query(&query, &result->wish);
  while (result->code == 0 && !end && !is_closing(pager) && !ferror(file)) {
    struct history_page page = {0};
    result->code = history_page(pager->history, &query, from, false, PAGER_ROWS,
                                &page, &result->msg);
    for (size_t i = 0; result->code == 0 && i < page.count; i++)
      write_row(file, &page.rows[i]);
    result->written += page.count;
    from = page.next;
    end = page.end;
    history_page_fini(&page);
  }
}

static void write_list(struct pager *pager, struct pager_result *result) {
  const char *path = result->wish.path;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (file == NULL) {
    result->code =
        err_set(&result->msg, ERR_IO, "%s: %s", path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return;
  }
  write_all(pager, result, file);
  bool failed = ferror(file) != 0;
  failed |= fclose(file) != 0;
  if (failed && result->code == 0)
    result->code =
        err_set(&result->msg, ERR_IO, "%s: %s", path, strerror(errno));
}

static void fulfil(struct pager *pager, struct pager_result *result,
                   uint64_t number) {
  if (pager->history == NULL)
    result->code = history_open(&pager->history, pager->dir, &result->msg);
  if (result->code == 0)
    result->code = history_count(pager->history, &result->count, &result->msg);
  if (result->code < 0)
    return;
  if (result->wish.what == PAGER_PAGE)
    read_page(pager, result, number);
  else if (result->wish.what == PAGER_CLASSES)
    result->code = history_classes(pager->history, &result->classes,
                                   &result->class_count, &result->msg);
  else if (result->wish.what == PAGER_HOSTS_OF)
    read_hosts(pager, result, number);
  else if (result->wish.what == PAGER_WRITE)
    write_list(pager, result);
}

/* The errand first, and then it is forgotten. */
static void take_wish(struct pager *pager, struct pager_result *result,
                      uint64_t *done) {
  if (pager->errand.what != PAGER_NOTHING) {
    result->wish = pager->errand;
    pager->errand.what = PAGER_NOTHING;
    return;
  }
  result->wish = pager->wish;
  *done = pager->number;
}

static void *run(void *arg) {
  struct pager *pager = arg;
  uint64_t done = 0;
  pthread_mutex_lock(&pager->mutex);
  for (;;) {
    while (!pager->closing && pager->number == done &&
           pager->errand.what == PAGER_NOTHING)
      pthread_cond_wait(&pager->asked, &pager->mutex);
    if (pager->closing)
      break;
    struct pager_result *result = calloc(1, sizeof *result);
    if (result == NULL) {
      done = pager->number;
      pager->errand.what = PAGER_NOTHING;
      continue;
    }
    take_wish(pager, result, &done);
    pthread_mutex_unlock(&pager->mutex);
    fulfil(pager, result, done);
    publish(pager, result);
    pthread_mutex_lock(&pager->mutex);
  }
  pthread_mutex_unlock(&pager->mutex);
  history_close(pager->history);
  return NULL;
}

/* ---- the interface's side ------------------------------------------------ */

static int start(struct pager *pager) {
  sigset_t all, old;
  if (tty_pipe(pager->pipe) != 0)
    return ERR_IO;
  /* Signals are for the threads that expect them. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int rc = pthread_create(&pager->thread, NULL, run, pager);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (rc == 0)
    return 0;
  close(pager->pipe[0]);
  close(pager->pipe[1]);
  return ERR_NOMEM;
}

int pager_open(struct pager **out, const char *dir) {
  struct pager *pager = calloc(1, sizeof *pager);
  if (pager == NULL)
    return ERR_NOMEM;
  pthread_mutex_init(&pager->mutex, NULL);
  pthread_cond_init(&pager->asked, NULL);
  pager->dir = strdup(dir);
  int rc = pager->dir != NULL ? start(pager) : ERR_NOMEM;
  if (rc == 0) {
    *out = pager;
    return 0;
  }
  free(pager->dir);
  free(pager);
  return rc;
}

void pager_close(struct pager *pager) {
  if (pager == NULL)
    return;
  pthread_mutex_lock(&pager->mutex);
  pager->closing = true;
  pthread_cond_signal(&pager->asked);
  pthread_mutex_unlock(&pager->mutex);
  pthread_join(pager->thread, NULL);
  pager_free(pager->result);
  pager_free(pager->errand_result);
  close(pager->pipe[0]);
  close(pager->pipe[1]);
  pthread_cond_destroy(&pager->asked);
  pthread_mutex_destroy(&pager->mutex);
  free(pager->dir);
  free(pager);
}

int pager_fd(const struct pager *pager) {
  return pager->pipe[0];
}

void pager_ask(struct pager *pager, const struct pager_wish *wish) {
  pthread_mutex_lock(&pager->mutex);
  if (wish->what == PAGER_WRITE)
    pager->errand = *wish;
  else
    pager->wish = *wish, pager->number++;
  pthread_cond_signal(&pager->asked);
  pthread_mutex_unlock(&pager->mutex);
}

static struct pager_result *take_from(struct pager_result **place) {
  struct pager_result *result = *place;
  *place = NULL;
  return result;
}

struct pager_result *pager_take(struct pager *pager) {
  char bytes[64];
  while (read(pager->pipe[0], bytes, sizeof bytes) > 0)
    continue;
  pthread_mutex_lock(&pager->mutex);
  struct pager_result *result = take_from(&pager->errand_result);
  if (result == NULL)
    result = take_from(&pager->result);
  else if (pager->result != NULL)
    (void)!write(pager->pipe[1], "r", 1); /* one more is there */
  pthread_mutex_unlock(&pager->mutex);
  return result;
}
