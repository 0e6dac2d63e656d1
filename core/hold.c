/* SPDX-License-Identifier: MIT
 *
 * Holding everything: while the disk is full or near it, the database cannot
 * be written or the network is down, nothing starts, no task fails for it, and
 * the run goes on by itself when the trouble is over.
 *
 * Thread: the loop's, but probe_disk(), which is a job.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine_priv.h"
#include "split.h"
#include "text.h"

#define SECOND_NS ((uint64_t)1000000000)
#define NETWORK_WAIT_FIRST (2 * SECOND_NS)
#define NETWORK_WAIT_MOST (30 * SECOND_NS)
#define HOLD_NEED_FIRST ((uint64_t)1 << 20)
#define HOLD_NEED_MAX ((uint64_t)64 << 20)
#define SLACK_MAX ((uint64_t)16 << 20)
#define CREDIT_LEAST ((uint64_t)32 << 10)
#define FILE_COST ((uint64_t)8 << 10) /* of a file besides its bytes */
#define PROBE_NAME SESSION_DIR "/room"

/* ---- what a hold means --------------------------------------------------- */

static void each_transfer(struct engine *e, void (*act)(struct transfer *)) {
  for (struct link *l = e->live.next; l != &e->live; l = l->next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    if (task->state == TASK_ACTIVE && task->transfer != NULL)
      act(task->transfer);
    if (task->split != NULL)
      split_each(task, act);
  }
}

/* A pause stops bytes as well as starts, and so does the reserve of the disk:
 * what runs would eat it. Otherwise what runs may come to its end. */
void hold__update(struct engine *e) {
  bool frozen = e->paused || e->space_short ||
                (e->hold_code == ERR_FULL && e->hold_reserve);
  e->scheduler.blocked =
      e->paused || e->stopping || e->space_short || e->hold_code != 0;
  if (frozen == e->frozen)
    return;
  e->frozen = frozen;
  each_transfer(e, frozen ? transfer_pause : transfer_unpause);
}

void engine__hold(struct engine *e, int code, const char *text) {
  if (e->hold_code != 0)
    return;
  e->hold_code = code;
  snprintf(e->hold, sizeof(e->hold), "%s", text);
  if (code == ERR_FULL && !e->hold_reserve) {
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
  eventlog_add(&e->log, LOG_INFO, 0, "going on; it was: %s", e->hold);
  e->hold_code = 0;
  e->hold_reserve = false;
  e->hold[0] = '\0';
  hold__update(e);
}

/* ---- the disk ------------------------------------------------------------ */

/* Whether so many bytes can be had is seen by having them: the figures of a
 * file system know nothing of quotas. */
static bool room_can_be_had(int dirfd, uint64_t bytes) {
  const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  int fd = openat(dirfd, PROBE_NAME, flags, 0600);
  if (fd < 0)
    return false;
  bool good = posix_fallocate(fd, 0, (off_t)bytes) == 0;
  close(fd);
  unlinkat(dirfd, PROBE_NAME, 0);
  return good;
}

static void probe_disk(struct job *job) {
  struct engine *e = LINK_ENTRY(job, struct engine, hold_probe);
  int dirfd = session_dirfd(e->session);
  struct statvfs st;
  e->probe_free = fstatvfs(dirfd, &st) == 0
                      ? (uint64_t)st.f_bavail * st.f_frsize
                      : UINT64_MAX;
  e->probe_good = e->probe_need == 0 || room_can_be_had(dirfd, e->probe_need);
}

/* Back to work only when there is a bit more than the reserve: else it would
 * stop and go with each file. */
static uint64_t slack(uint64_t reserve) {
  return reserve / 16 < SLACK_MAX ? reserve / 16 : SLACK_MAX;
}

static void hold_reserve(struct engine *e, uint64_t reserve) {
  char text[ENGINE_HOLD_TEXT], have[TEXT_NUMBER_CAP], want[TEXT_NUMBER_CAP];
  text_bytes(have, sizeof have, (int64_t)e->probe_free);
  text_bytes(want, sizeof want, (int64_t)reserve);
  snprintf(text, sizeof text,
           "the disk has %s left and --min-free-space keeps %s of it: free "
           "some space, or lower it",
           have, want);
  e->hold_reserve = true;
  engine__hold(e, ERR_FULL, text);
}

/* Half of what is left above the reserve may be taken before the disk is
 * looked at again; what is in memory is as good as on it. */
static void give_credit(struct engine *e, uint64_t reserve) {
  uint64_t taken = reserve + e->sinks.buffer_bytes;
  e->space_bytes = e->bytes;
  e->space_requests = e->requests;
  e->space_credit = e->probe_free > taken ? (e->probe_free - taken) / 2 : 0;
  if (e->space_credit < CREDIT_LEAST && !e->stopping)
    hold_reserve(e, reserve);
  e->space_stale = e->space_short = false;
  hold__update(e);
  if (e->space_paused && !e->frozen)
    each_transfer(e, transfer_unpause);
  e->space_paused = false;
}

static void on_probed(struct job *job) {
  struct engine *e = LINK_ENTRY(job, struct engine, hold_probe);
  uint64_t reserve = (uint64_t)e->limit[LIMIT_MIN_FREE];
  bool disk = e->hold_code == ERR_FULL || e->hold_code == ERR_READONLY;
  uint64_t enough =
      reserve > 0 ? reserve + slack(reserve) + e->sinks.buffer_bytes : 0;
  e->probing = false;
  if (e->hold_code == 0 && reserve > 0)
    give_credit(e, reserve);
  else if (disk && e->probe_good && !e->session_trouble && !e->stopping &&
           e->probe_free >= enough)
    hold__release(e);
}

static void look_at_disk(struct engine *e, uint64_t need) {
  if (e->probing || e->session_stopping)
    return;
  e->probing = true;
  e->probe_need = need;
  pool_submit(&e->pool, &e->hold_probe, JOB_DISK, "disk looked at", probe_disk,
              on_probed);
}

static uint64_t spent_space(const struct engine *e) {
  return e->bytes - e->space_bytes +
         (e->requests - e->space_requests) * FILE_COST;
}

bool hold__frozen(struct engine *e) {
  if (e->frozen)
    return true;
  if (e->limit[LIMIT_MIN_FREE] <= 0 || e->hold_code != 0 ||
      spent_space(e) < e->space_credit)
    return false;
  e->space_paused = true; /* one at least, before all were told */
  return true;
}

void hold__watch_space(struct engine *e) {
  bool wanted = e->limit[LIMIT_MIN_FREE] > 0 && e->hold_code == 0;
  uint64_t spent = spent_space(e);
  bool too_much = wanted && spent >= e->space_credit;
  if (wanted && (e->space_stale || spent >= e->space_credit / 2))
    look_at_disk(e, 0);
  if (too_much == e->space_short)
    return;
  e->space_short = too_much;
  hold__update(e);
}

/* ---- the network --------------------------------------------------------- */

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
  else if (e->hold_code == ERR_FULL)
    look_at_disk(e, e->hold_reserve ? 0 : e->hold_need);
  else if (e->hold_code == ERR_READONLY)
    look_at_disk(e, 1);
  else if (e->hold_code == ERR_NOMEM)
    hold__release(e);
}
