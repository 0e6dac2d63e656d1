/* SPDX-License-Identifier: MIT
 *
 * What shards do on the pool: see shard_job.h.
 */
#include "config.h"

#include "shard_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "names.h"

#define NUMBER_MAX 99999999u
#define PIECE (1u << 20)
#define INDEX_MAX (64u << 20)
#define SMALL_MAX (64u << 10)

void shard_names(struct shard_file *file) {
  snprintf(file->name, sizeof file->name, "shard-%05u%s%s", file->number,
           shard_form_suffix(file->plan.form), codec_suffix(file->codec));
  snprintf(file->index, sizeof file->index, "shard-%05u.idx", file->number);
}

static void part_of(const char *name, char *part) {
  snprintf(part, SHARD_NAME + 8, "%s.part", name);
}

/* ---- packing ------------------------------------------------------------- */

static int pack_record(struct frame *frame, struct record *r, bool single) {
  int code;
  if (single)
    packer_begin(frame->packer, &frame->out);
  r->frame = single ? frame->out.len : 0;
  code = scribe_write(&frame->scribe, r);
  if (single)
    packer_end(frame->packer);
  return code;
}

static int pack_begin(struct frame *frame, const struct scribe_plan *plan,
                      bool single) {
  int code = scribe_init(&frame->scribe, plan, frame->packer);
  frame->scribing = code == 0;
  frame->next = frame->first;
  if (code == 0 && !single)
    packer_begin(frame->packer, &frame->out);
  return code;
}

/* single: each record is a frame of its own, as readers of WARC want it. */
void shard_job_pack(struct frame *frame, const struct scribe_plan *plan,
                    bool single) {
  if (!frame->scribing)
    frame->code = pack_begin(frame, plan, single);
  while (frame->next != NULL && frame->code == 0) {
    frame->code = pack_record(frame, frame->next, single);
    frame->next = frame->next->next;
    frame->job.more =
        frame->next != NULL && frame->code == 0 && job_piece_over(&frame->job);
    if (frame->job.more)
      return;
  }
  if (!frame->scribing)
    return;
  if (!single)
    packer_end(frame->packer);
  if (frame->code == 0)
    frame->code = frame->out.failed;
  scribe_fini(&frame->scribe);
  frame->scribing = false;
}

static int fail(int *code, int *saved_errno, int error) {
  *saved_errno = error;
  *code = err_from_errno(error);
  return *code;
}

static ssize_t read_piece(struct frame *frame) {
  ssize_t n;
  do
    n = pread(frame->fd, frame->buffer, PIECE, frame->at);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    fail(&frame->code, &frame->saved_errno, errno);
  else
    frame->at += n;
  return n;
}

static bool open_big(struct frame *frame, int dirfd) {
  if (frame->fd >= 0)
    return true;
  frame->buffer = malloc(PIECE);
  frame->fd = name_open(dirfd, frame->first->part, O_RDONLY, 0, false);
  if (frame->buffer == NULL)
    frame->code = ERR_NOMEM;
  else if (frame->fd < 0)
    fail(&frame->code, &frame->saved_errno, errno);
  return frame->code == 0;
}

static void finish_big(struct frame *frame) {
  if (frame->at != frame->first->size) /* it was changed under our hands */
    frame->code = ERR_CHANGED;
  else
    frame->code = scribe_tail(&frame->scribe);
  packer_end(frame->packer);
  frame->packed = true;
}

void shard_job_piece(struct frame *frame, int dirfd, bool *over) {
  ssize_t n;
  *over = false;
  if (!open_big(frame, dirfd))
    return;
  n = read_piece(frame);
  if (n < 0)
    return;
  if (!frame->looked) {
    scribe_look(&frame->scribe, frame->buffer, (size_t)n);
    if (n > 0)
      return;
    frame->looked = true;
    frame->at = 0;
    packer_begin(frame->packer, &frame->out);
    scribe_head(&frame->scribe);
    return;
  }
  if (n > 0)
    scribe_body(&frame->scribe, frame->buffer, (size_t)n);
  else
    finish_big(frame);
  if (frame->code == 0)
    frame->code = frame->out.failed;
  *over = frame->packed;
}

/* ---- writing ---------------------------------------------------------------
 */

static int failed(struct shard_file *file, int error) {
  return fail(&file->code, &file->saved_errno, error);
}

static int write_at(struct shard_file *file, int fd, const char *data,
                    size_t length, int64_t *at) {
  while (length > 0) {
    ssize_t n = pwrite(fd, data, length, *at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return failed(file, n < 0 ? errno : ENOSPC);
    data += n;
    length -= (size_t)n;
    *at += n;
  }
  return 0;
}

static int write_bytes(struct shard_file *file, int fd,
                       const struct bytes *bytes, int64_t *at) {
  if (bytes->failed != 0)
    return file->code = bytes->failed;
  return write_at(file, fd, bytes->data, bytes->len, at);
}

static void begin_append(struct shard_file *file) {
  file->code = file->saved_errno = 0;
  file->new_length = file->length;
  file->new_index_length = file->index_length;
  file->new_records = file->records;
  if (file->ragged && file->big == NULL)
    file->ragged = ftruncate(file->fd, file->length) != 0;
}

/* What an append that failed has left is of no use to anybody. */
static void cut_back(struct shard_file *file) {
  if (ftruncate(file->fd, file->length) != 0 ||
      ftruncate(file->index_fd, file->index_length) != 0)
    file->saved_errno = errno; /* what is written next covers it in any case */
}

static void add_index(struct bytes *lines, const struct shard_file *file,
                      const struct record *r, int64_t base) {
  bytes_printf(lines, "%s\t%s\t%lld\t%llu\t%llu\n", r->key, file->name,
               (long long)base + (long long)r->frame,
               (unsigned long long)r->offset, (unsigned long long)r->length);
}

static void first_lines(struct shard_file *file, struct bytes *lines) {
  if (file->index_length == 0)
    bytes_text(lines, "key\tshard\tframe\toffset\tlength\n");
}

/* A shard that is empty gets what each of its form begins with. */
static int write_preamble(struct shard_file *file) {
  struct packer *packer = NULL;
  struct bytes out;
  if (file->new_length > 0)
    return 0;
  bytes_init(&out, SMALL_MAX + (256u << 10));
  file->code = packer_new(&packer, file->codec);
  if (file->code == 0) {
    scribe_preamble(&file->plan, packer, &out, file->name, (int64_t)time(NULL));
    (void)write_bytes(file, file->fd, &out, &file->new_length);
  }
  packer_free(packer);
  bytes_fini(&out);
  return file->code;
}

void shard_job_append(struct shard_file *file) {
  struct bytes lines;
  begin_append(file);
  bytes_init(&lines, INDEX_MAX);
  first_lines(file, &lines);
  (void)write_preamble(file);
  for (struct link *l = file->frames.next;
       l != &file->frames && file->code == 0; l = l->next) {
    struct frame *frame = LINK_ENTRY(l, struct frame, link);
    for (struct record *r = frame->first; r != NULL; r = r->next) {
      add_index(&lines, file, r, file->new_length);
      file->new_records++;
    }
    (void)write_bytes(file, file->fd, &frame->out, &file->new_length);
  }
  if (file->code == 0)
    (void)write_bytes(file, file->index_fd, &lines, &file->new_index_length);
  if (file->code != 0)
    cut_back(file);
  bytes_fini(&lines);
}

void shard_job_append_piece(struct shard_file *file) {
  struct frame *frame = file->big;
  struct bytes lines;
  int64_t base;
  begin_append(file);
  if (frame->written == 0 && write_preamble(file) == 0)
    frame->written = file->new_length - file->length;
  base = file->length + frame->written;
  if (file->code == 0 && frame->first->frame == 0)
    frame->first->frame = (uint64_t)base + 1; /* 0: not known yet */
  file->new_length = base;
  if (file->code == 0)
    (void)write_bytes(file, file->fd, &frame->out, &file->new_length);
  bytes_init(&lines, SMALL_MAX);
  if (file->code == 0 && frame->over) {
    first_lines(file, &lines);
    add_index(&lines, file, frame->first, -1);
    file->new_records++;
    (void)write_bytes(file, file->index_fd, &lines, &file->new_index_length);
  }
  bytes_fini(&lines);
  if (file->code == 0 && frame->over)
    (void)unlinkat(file->dirfd, frame->first->part, 0);
  if (file->code == 0) {
    frame->written = file->new_length - file->length;
    bytes_clear(&frame->out);
  } else {
    file->ragged = true; /* until a later piece, or none, has come through */
  }
}

void shard_job_end(struct shard_file *file) {
  struct packer *packer = NULL;
  struct bytes out;
  begin_append(file);
  bytes_init(&out, SMALL_MAX + (256u << 10));
  file->code = packer_new(&packer, file->codec);
  if (file->code == 0) {
    scribe_ending(&file->plan, packer, &out);
    (void)write_bytes(file, file->fd, &out, &file->new_length);
  }
  if (file->code != 0)
    cut_back(file);
  packer_free(packer);
  bytes_fini(&out);
}

/* ---- names -----------------------------------------------------------------
 */

static bool there(const struct shard_file *file, const char *name) {
  struct stat st;
  return fstatat(file->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool taken(const struct shard_file *file) {
  char part[SHARD_NAME + 8], index_part[SHARD_NAME + 8];
  part_of(file->name, part);
  part_of(file->index, index_part);
  return there(file, file->name) || there(file, part) ||
         there(file, file->index) || there(file, index_part);
}

void shard_job_probe(struct shard_file *file) {
  file->code = 0;
  for (shard_names(file); taken(file); shard_names(file))
    if (++file->number > NUMBER_MAX) {
      (void)failed(file, EEXIST);
      return;
    }
}

static int make(struct shard_file *file, const char *name) {
  char part[SHARD_NAME + 8];
  part_of(name, part);
  int fd = name_open(file->dirfd, part, O_RDWR | O_CREAT | O_EXCL, 0666, false);
  if (fd < 0)
    (void)failed(file, errno);
  return fd;
}

static void unmake(struct shard_file *file) {
  char part[SHARD_NAME + 8];
  if (file->fd >= 0) {
    part_of(file->name, part);
    (void)unlinkat(file->dirfd, part, 0);
    close(file->fd);
  }
  file->fd = -1;
}

void shard_job_create(struct shard_file *file) {
  file->code = 0;
  file->fd = make(file, file->name);
  if (file->code == 0)
    file->index_fd = make(file, file->index);
  if (file->code != 0)
    unmake(file);
}

/* Nothing is replaced: a name that somebody took meanwhile stays theirs. */
static int give_name(struct shard_file *file, const char *name) {
  char part[SHARD_NAME + 8];
  part_of(name, part);
#ifdef HAVE_RENAMEAT2
  if (renameat2(file->dirfd, part, file->dirfd, name, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return failed(file, errno);
#endif
  if (there(file, name))
    return failed(file, EEXIST);
  if (renameat(file->dirfd, part, file->dirfd, name) != 0)
    return failed(file, errno);
  return 0;
}

void shard_job_name(struct shard_file *file) {
  file->code = file->saved_errno = 0;
  if (give_name(file, file->name) == 0)
    (void)give_name(file, file->index);
}

void shard_job_discard(struct shard_file *file) {
  char part[SHARD_NAME + 8];
  part_of(file->name, part);
  (void)unlinkat(file->dirfd, part, 0);
  part_of(file->index, part);
  (void)unlinkat(file->dirfd, part, 0);
}

/* ---- files of earlier runs --------------------------------------------------
 */

static int reopen(struct shard_file *file, const char *name, int64_t length,
                  int *fd, struct errmsg *msg) {
  char part[SHARD_NAME + 8];
  struct stat st;
  part_of(name, part);
  *fd = name_open(file->dirfd, part, O_RDWR, 0, false);
  if (*fd < 0 && errno == ENOENT)
    return length == 0 ? ERR_NOTFOUND
                       : err_set(msg, ERR_NOTFOUND,
                                 "%s is gone, and with it %llu records", part,
                                 (unsigned long long)file->records);
  if (*fd < 0)
    return err_set(msg, err_from_errno(errno), "%s: %s", part, strerror(errno));
  if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < length)
    return err_set(msg, ERR_CHANGED,
                   "%s is shorter than the session knows it: records are "
                   "missing. Move it away to go on without them",
                   part);
  if (ftruncate(*fd, length) != 0)
    return err_set(msg, err_from_errno(errno), "%s: %s", part, strerror(errno));
  return 0;
}

int shard_reopen(struct shard_file *file, struct errmsg *msg) {
  int rc = reopen(file, file->name, file->length, &file->fd, msg);
  if (rc == 0)
    rc = reopen(file, file->index, file->index_length, &file->index_fd, msg);
  return rc;
}
