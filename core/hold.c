/* SPDX-License-Identifier: MIT
 *
 * Holding everything: while the disk is full, the database cannot be written
 * or the network is down, nothing starts, no task fails for it, and the run
 * goes on by itself when the trouble is over.
 *
 * Thread: the loop's, but probe_disk(), which is a job.
 */
#include "config.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "engine_priv.h"

#define SECOND_NS ((uint64_t)1000000000)
#define NETWORK_WAIT_FIRST (2 * SECOND_NS)
#define NETWORK_WAIT_MOST (30 * SECOND_NS)
#define HOLD_NEED_FIRST ((uint64_t)1 << 20)
#define HOLD_NEED_MAX ((uint64_t)64 << 20)

void hold__update(struct engine *e) {
  e->scheduler.blocked = e->paused || e->stopping || e->hold_code != 0;
}

void engine__hold(struct engine *e, int code, const char *text) {
  if (e->hold_code != 0)
    return;
  e->hold_code = code;
  snprintf(e->hold, sizeof(e->hold), "%s", text);
  if (code == ERR_FULL) {
    e->hold_need = e->hold_need == 0 ? HOLD_NEED_FIRST : e->hold_need * 2;
    if (e->hold_need > HOLD_NEED_MAX)
      e->hold_need = HOLD_NEED_MAX;
  }
  eventlog_add(&e->log, LOG_ERROR, 0, "everything waits: %s", text);
  hold__update(e);
}

void hold__release(struct engine *e) {
  if (e->hold_code == 0)
    return;
  eventlog_add(&e->log, LOG_INFO, 0, "going on: %s is over", e->hold);
  e->hold_code = 0;
  e->hold[0] = '\0';
  hold__update(e);
}

static void probe_disk(struct job *job) {
  struct engine *e = LINK_ENTRY(job, struct engine, hold_probe);
  struct statvfs st;
  e->probe_good = fstatvfs(session_dirfd(e->session), &st) == 0 &&
                  (uint64_t)st.f_bavail * st.f_frsize >= e->hold_need;
}

static void on_probed(struct job *job) {
  struct engine *e = LINK_ENTRY(job, struct engine, hold_probe);
  e->probing = false;
  if (e->probe_good && !e->session_trouble && e->hold_code == ERR_FULL)
    hold__release(e);
}

/* While the network is down: one request now and then. */
static void probe_network(struct engine *e) {
  uint64_t now = engine_now();
  if (now < e->network_probe_ns || e->stopping || e->paused ||
      e->counts.in[TASK_ACTIVE] > 0)
    return;
  e->network_wait_ns *= 2;
  if (e->network_wait_ns > NETWORK_WAIT_MOST)
    e->network_wait_ns = NETWORK_WAIT_MOST;
  e->network_probe_ns = now + e->network_wait_ns;
  if (!scheduler_probe(&e->scheduler, now))
    hold__release(e); /* nothing to look with: let the names be asked */
}

static bool all_unreachable(const struct engine *e) {
  for (const struct link *l = e->hosts.list.next; l != &e->hosts.list;
       l = l->next) {
    const struct host *host = LINK_ENTRY((uintptr_t)l, struct host, all);
    if (!host->unreachable && (host->ready_count > 0 || host->sem.used > 0))
      return false;
  }
  return true;
}

void engine__note_reach(struct engine *e, struct host *host, bool unreachable) {
  host->unreachable = unreachable;
  if (!unreachable) {
    host->reached = true;
    if (e->hold_code == ERR_NETWORK)
      hold__release(e);
  } else if (host->reached && e->hold_code == 0 && all_unreachable(e)) {
    /* A host that never answered may be a wrong name: no sign of anything. */
    e->network_wait_ns = NETWORK_WAIT_FIRST;
    e->network_probe_ns = engine_now() + e->network_wait_ns;
    engine__hold(e, ERR_NETWORK, err_text(ERR_NETWORK));
  }
}

/* Looks whether what holds everything is over. */
void hold__check(struct engine *e) {
  if (e->hold_code == ERR_NETWORK)
    probe_network(e);
  if (e->hold_code == ERR_FULL && !e->probing && !e->session_stopping) {
    e->probing = true;
    pool_submit(&e->pool, &e->hold_probe, JOB_DISK, "disk looked at",
                probe_disk, on_probed);
  } else if (e->hold_code == ERR_NOMEM) {
    hold__release(e);
  }
}
