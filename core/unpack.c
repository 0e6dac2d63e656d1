/* SPDX-License-Identifier: MIT
 *
 * Unpacking: see unpack.h. Each format is a step that moves bytes from the
 * input to the output and says whether a member has ended; members, limits and
 * the end are the same for all.
 */
#include "config.h"

#include "unpack.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#define STEP                                                      \
  ((size_t)1 << 30) /* more than an unsigned int is not passed on \
                     */

#define ZSTD_HEAD 18 /* the longest head of a frame, RFC 8878 section 3.1.1 */

struct unpack {
  enum unpack_kind kind;
  struct unpack_limits limits;
  const unsigned char *in;
  size_t left;
  bool ended;  /* nothing more will be given */
  bool member; /* inside of one */
  bool any;    /* one was begun */
  bool tail;   /* behind the last one: zeros only */
  bool ready;  /* the format's state is set up */
  int64_t total_in, total_out;
  size_t known; /* bytes of a zstd frame's head that have come */
  unsigned char head[ZSTD_HEAD];
  uint64_t member_out; /* bytes that came of it */
  union {
    z_stream gzip;
    ZSTD_DStream *zstd;
    lzma_stream xz;
    bz_stream bzip2;
  } of;
};

/* What a step says besides an error code. */
enum { STEP_MORE, STEP_MEMBER_END };

static const struct {
  const char *name, *suffix;
} formats[UNPACK_KINDS] = {
    {"none", ""},  {"gzip", ".gz"},   {"zstd", ".zst"},
    {"xz", ".xz"}, {"bzip2", ".bz2"},
};

enum unpack_kind unpack_kind_of(const char *name, size_t *stem) {
  size_t length = strlen(name);
  for (int kind = UNPACK_GZIP; kind < UNPACK_KINDS; kind++) {
    size_t suffix = strlen(formats[kind].suffix);
    if (length > suffix && name[length - suffix - 1] != '/' &&
        strcasecmp(name + length - suffix, formats[kind].suffix) == 0) {
      *stem = length - suffix;
      return (enum unpack_kind)kind;
    }
  }
  *stem = length;
  return UNPACK_NONE;
}

const char *unpack_suffix(enum unpack_kind kind) {
  return (size_t)kind < UNPACK_KINDS ? formats[kind].suffix : "";
}

const char *unpack_name(enum unpack_kind kind) {
  return (size_t)kind < UNPACK_KINDS ? formats[kind].name : "none";
}

/* ---- the formats
 * --------------------------------------------------------------- */

static int gzip_step(struct unpack *u, void *out, size_t cap, size_t *put) {
  z_stream *z = &u->of.gzip;
  uInt in = (uInt)(u->left < STEP ? u->left : STEP);
  int rc;
  z->next_in = (Bytef *)(uintptr_t)u->in;
  z->avail_in = in;
  z->next_out = out;
  z->avail_out = (uInt)(cap < STEP ? cap : STEP);
  rc = inflate(z, Z_NO_FLUSH);
  *put = (size_t)((unsigned char *)z->next_out - (unsigned char *)out);
  u->in += in - z->avail_in;
  u->left -= in - z->avail_in;
  if (rc == Z_STREAM_END)
    return STEP_MEMBER_END;
  if (rc == Z_MEM_ERROR)
    return ERR_NOMEM;
  return rc == Z_OK || rc == Z_BUF_ERROR ? STEP_MORE : ERR_MALFORMED;
}

static int gzip_begin(struct unpack *u) {
  int rc;
  if (u->ready)
    return inflateReset(&u->of.gzip) == Z_OK ? 0 : ERR_MALFORMED;
  rc = inflateInit2(&u->of.gzip, 15 + 16); /* gzip's wrapper alone */
  return rc == Z_OK ? 0 : ERR_NOMEM;
}

/* Whether a frame may begin so: RFC 8878 sections 3.1.1 and 3.1.2. The library
 * may know formats of before it, whose readers were meant for nobody's attacks
 * and say other things when a frame comes in pieces. */
static bool zstd_is_frame(const unsigned char *magic, size_t known) {
  static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd};
  static const unsigned char skip[] = {0x50, 0x2a, 0x4d, 0x18};
  unsigned char first[4] = {0};
  known = known < sizeof first ? known : sizeof first;
  memcpy(first, magic, known);
  first[0] &= 0xf0;
  return memcmp(magic, frame, known) == 0 ||
         (known > 0 && memcmp(first, skip, known) == 0);
}

/* As long as it said: where the last block is an empty one the library does not
 * look. */
static bool zstd_is_whole(const struct unpack *u) {
  unsigned long long size = ZSTD_getFrameContentSize(u->head, u->known);
  return size == ZSTD_CONTENTSIZE_UNKNOWN || size == u->member_out;
}

/* The head goes in byte by byte, for where a whole frame lies before it the
 * library goes another way, with other checks. */
static int zstd_step(struct unpack *u, void *out, size_t cap, size_t *put) {
  bool in_head = u->known < sizeof u->head && u->left > 0;
  ZSTD_inBuffer in = {u->in, in_head ? 1 : u->left, 0};
  ZSTD_outBuffer to = {out, cap, 0};
  if (in_head)
    u->head[u->known] = *u->in;
  if (in_head && !zstd_is_frame(u->head, u->known + 1))
    return ERR_MALFORMED;
  size_t rc = ZSTD_decompressStream(u->of.zstd, &to, &in);
  u->known += in_head ? in.pos : 0;
  u->member_out += to.pos;
  *put = to.pos;
  u->in += in.pos;
  u->left -= in.pos;
  if (ZSTD_isError(rc) || (rc == 0 && !zstd_is_whole(u)))
    return ERR_MALFORMED;
  return rc == 0 ? STEP_MEMBER_END : STEP_MORE;
}

static int zstd_begin(struct unpack *u) {
  if (!u->ready)
    u->of.zstd = ZSTD_createDStream();
  if (u->of.zstd == NULL)
    return ERR_NOMEM;
  u->known = 0;
  u->member_out = 0;
  return ZSTD_isError(ZSTD_initDStream(u->of.zstd)) ? ERR_NOMEM : 0;
}

static int xz_step(struct unpack *u, void *out, size_t cap, size_t *put) {
  lzma_stream *x = &u->of.xz;
  lzma_ret rc;
  x->next_in = u->in;
  x->avail_in = u->left;
  x->next_out = out;
  x->avail_out = cap;
  rc = lzma_code(x, u->ended ? LZMA_FINISH : LZMA_RUN);
  *put = cap - x->avail_out;
  u->in = x->next_in;
  u->left = x->avail_in;
  if (rc == LZMA_STREAM_END)
    return STEP_MEMBER_END;
  if (rc == LZMA_MEM_ERROR)
    return ERR_NOMEM;
  if (rc == LZMA_MEMLIMIT_ERROR)
    return ERR_BOMB;
  return rc == LZMA_OK || (rc == LZMA_BUF_ERROR && !u->ended) ? STEP_MORE
                                                              : ERR_MALFORMED;
}

static int xz_begin(struct unpack *u) {
  lzma_stream fresh = LZMA_STREAM_INIT;
  if (u->ready)
    return 0; /* it goes from stream to stream by itself */
  u->of.xz = fresh;
  return lzma_stream_decoder(&u->of.xz, UNPACK_MEMORY, LZMA_CONCATENATED) ==
                 LZMA_OK
             ? 0
             : ERR_NOMEM;
}

static int bzip2_step(struct unpack *u, void *out, size_t cap, size_t *put) {
  bz_stream *b = &u->of.bzip2;
  unsigned in = (unsigned)(u->left < STEP ? u->left : STEP);
  int rc;
  b->next_in = (char *)(uintptr_t)u->in;
  b->avail_in = in;
  b->next_out = out;
  b->avail_out = (unsigned)(cap < STEP ? cap : STEP);
  rc = BZ2_bzDecompress(b);
  *put = (size_t)(b->next_out - (char *)out);
  u->in += in - b->avail_in;
  u->left -= in - b->avail_in;
  if (rc == BZ_STREAM_END)
    return STEP_MEMBER_END;
  if (rc == BZ_MEM_ERROR)
    return ERR_NOMEM;
  return rc == BZ_OK ? STEP_MORE : ERR_MALFORMED;
}

static int bzip2_begin(struct unpack *u) {
  if (u->ready)
    BZ2_bzDecompressEnd(&u->of.bzip2);
  memset(&u->of.bzip2, 0, sizeof(u->of.bzip2));
  u->ready = BZ2_bzDecompressInit(&u->of.bzip2, 0, 0) == BZ_OK;
  return u->ready ? 0 : ERR_NOMEM;
}

static int begin(struct unpack *u) {
  int code = ERR_UNSUPPORTED;
  switch (u->kind) {
  case UNPACK_GZIP:
    code = gzip_begin(u);
    break;
  case UNPACK_ZSTD:
    code = zstd_begin(u);
    break;
  case UNPACK_XZ:
    code = xz_begin(u);
    break;
  case UNPACK_BZIP2:
    code = bzip2_begin(u);
    break;
  case UNPACK_NONE:
  case UNPACK_KINDS:
    break;
  }
  u->ready = u->ready || code == 0;
  return code;
}

static int step(struct unpack *u, void *out, size_t cap, size_t *put) {
  switch (u->kind) {
  case UNPACK_GZIP:
    return gzip_step(u, out, cap, put);
  case UNPACK_ZSTD:
    return zstd_step(u, out, cap, put);
  case UNPACK_XZ:
    return xz_step(u, out, cap, put);
  case UNPACK_BZIP2:
    return bzip2_step(u, out, cap, put);
  case UNPACK_NONE:
  case UNPACK_KINDS:
    break;
  }
  return ERR_UNSUPPORTED;
}

/* ---- the same for all
 * ------------------------------------------------------------ */

int unpack_new(struct unpack **out, enum unpack_kind kind,
               const struct unpack_limits *limits) {
  struct unpack *u = calloc(1, sizeof(*u));
  int code;
  if (u == NULL)
    return ERR_NOMEM;
  u->kind = kind;
  u->limits = *limits;
  code = begin(u);
  if (code != 0) {
    unpack_free(u);
    return code;
  }
  *out = u;
  return 0;
}

void unpack_free(struct unpack *u) {
  if (u == NULL)
    return;
  if (u->ready && u->kind == UNPACK_GZIP)
    inflateEnd(&u->of.gzip);
  else if (u->ready && u->kind == UNPACK_ZSTD)
    ZSTD_freeDStream(u->of.zstd);
  else if (u->ready && u->kind == UNPACK_XZ)
    lzma_end(&u->of.xz);
  else if (u->ready && u->kind == UNPACK_BZIP2)
    BZ2_bzDecompressEnd(&u->of.bzip2);
  free(u);
}

void unpack_give(struct unpack *u, const void *data, size_t length) {
  u->in = data;
  u->left = length;
  u->total_in += (int64_t)length;
  u->ended = u->ended || length == 0;
}

int64_t unpack_in(const struct unpack *u) {
  return u->total_in - (int64_t)u->left;
}

int64_t unpack_out(const struct unpack *u) {
  return u->total_out;
}

static bool is_bomb(const struct unpack *u) {
  if (u->limits.max_bytes > 0 && u->total_out > u->limits.max_bytes)
    return true;
  return u->limits.max_ratio > 0 && u->total_out > UNPACK_FREE &&
         (double)u->total_out > u->limits.max_ratio * (double)unpack_in(u);
}

/* Zeros behind the last member are padding, as of tapes. */
static void skip_zeros(struct unpack *u) {
  while (u->left > 0 && *u->in == 0) {
    u->in++;
    u->left--;
    u->tail = true;
  }
}

/* Another member, or the padding behind the last one. */
static int between(struct unpack *u) {
  bool again;
  if (u->any && u->kind != UNPACK_XZ)
    skip_zeros(u);
  if (u->left == 0 && !(u->ended && !u->any))
    return 0;
  if (u->tail || u->left == 0)
    return ERR_MALFORMED; /* rubbish behind it, or nothing at all */
  again = u->any;
  u->member = u->any = true;
  return again ? begin(u) : 0;
}

int64_t unpack_take(struct unpack *u, void *data, size_t cap) {
  for (;;) {
    size_t put = 0, before = u->left;
    int code = 0;
    if (!u->member)
      code = between(u);
    if (code != 0)
      return code;
    if (!u->member)
      return 0;
    code = step(u, data, cap, &put);
    if (code < 0)
      return code;
    u->total_out += (int64_t)put;
    if (code == STEP_MEMBER_END)
      u->member = false;
    if (is_bomb(u))
      return ERR_BOMB;
    if (put > 0)
      return (int64_t)put;
    if (code == STEP_MORE && before == u->left)
      return u->left == 0 && !u->ended ? 0 : ERR_MALFORMED;
  }
}
