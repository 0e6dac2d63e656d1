/* SPDX-License-Identifier: MIT
 *
 * One wish and one result under a mutex; a newer one takes the place of an
 * older. A search is cut into steps, and each step sees whether it is still
 * wanted.
 */
#include "config.h"

#include "pager.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errclass.h"

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
  pager_free(pager->result);
  pager->result = result;
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

/* Searches go on until something is found, the end is reached, or something
 * else is wanted. */
static void read_page(struct pager *pager, struct pager_result *result,
                      uint64_t number) {
  struct history_query query;
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
  struct history_query query;
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
}

static void *run(void *arg) {
  struct pager *pager = arg;
  uint64_t done = 0;
  pthread_mutex_lock(&pager->mutex);
  for (;;) {
    while (!pager->closing && pager->number == done)
      pthread_cond_wait(&pager->asked, &pager->mutex);
    if (pager->closing)
      break;
    done = pager->number;
    struct pager_result *result = calloc(1, sizeof *result);
    if (result == NULL)
      continue;
    result->wish = pager->wish;
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
  if (pipe2(pager->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
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
  pager->wish = *wish;
  pager->number++;
  pthread_cond_signal(&pager->asked);
  pthread_mutex_unlock(&pager->mutex);
}

struct pager_result *pager_take(struct pager *pager) {
  char bytes[64];
  while (read(pager->pipe[0], bytes, sizeof bytes) > 0)
    continue;
  pthread_mutex_lock(&pager->mutex);
  struct pager_result *result = pager->result;
  pager->result = NULL;
  pthread_mutex_unlock(&pager->mutex);
  return result;
}
