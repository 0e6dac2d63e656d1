/* SPDX-License-Identifier: MIT
 *
 * Compression in frames: see packer.h.
 */
#include "config.h"

#include "packer.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define ROOM (64u << 10)
#define GZIP_WINDOW (15 + 16) /* zlib: with gzip's header */
#define GZIP_LEVEL 6
#define ZSTD_LEVEL 3

struct packer {
  enum codec codec;
  struct bytes *out;
  uint64_t taken;
  ZSTD_CCtx *zstd;
  z_stream gzip;
  bool gzip_ready;
};

const char *codec_suffix(enum codec codec) {
  static const char *const suffixes[] = {"", ".gz", ".zst"};
  return suffixes[codec];
}

static int init_zstd(struct packer *p) {
  p->zstd = ZSTD_createCCtx();
  if (p->zstd == NULL)
    return ERR_NOMEM;
  ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
  ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
  return 0;
}

int packer_new(struct packer **out, enum codec codec) {
  struct packer *p = calloc(1, sizeof *p);
  int code = p == NULL ? ERR_NOMEM : 0;
  if (code == 0) {
    p->codec = codec;
    if (codec == CODEC_ZSTD)
      code = init_zstd(p);
    else if (codec == CODEC_GZIP)
      p->gzip_ready = deflateInit2(&p->gzip, GZIP_LEVEL, Z_DEFLATED,
                                   GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (codec == CODEC_GZIP && !p->gzip_ready)
      code = ERR_NOMEM;
  }
  if (code != 0) {
    packer_free(p);
    return code;
  }
  *out = p;
  return 0;
}

void packer_free(struct packer *p) {
  if (p == NULL)
    return;
  ZSTD_freeCCtx(p->zstd);
  if (p->gzip_ready)
    deflateEnd(&p->gzip);
  free(p);
}

void packer_begin(struct packer *p, struct bytes *out) {
  p->out = out;
  p->taken = 0;
  if (p->codec == CODEC_ZSTD)
    ZSTD_CCtx_reset(p->zstd, ZSTD_reset_session_only);
  else if (p->codec == CODEC_GZIP)
    deflateReset(&p->gzip);
}

static void run_zstd(struct packer *p, const void *data, size_t length,
                     ZSTD_EndDirective end) {
  ZSTD_inBuffer in = {data, length, 0};
  size_t left;
  do {
    char *room = bytes_room(p->out, ROOM);
    if (room == NULL)
      return;
    ZSTD_outBuffer to = {room, ROOM, 0};
    left = ZSTD_compressStream2(p->zstd, &to, &in, end);
    p->out->len += to.pos;
    if (ZSTD_isError(left)) {
      p->out->failed = ERR_NOMEM;
      return;
    }
  } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
}

static void run_gzip(struct packer *p, const void *data, size_t length,
                     int flush) {
  p->gzip.next_in = (Bytef *)(uintptr_t)data;
  p->gzip.avail_in = (uInt)length;
  int rc;
  do {
    char *room = bytes_room(p->out, ROOM);
    if (room == NULL)
      return;
    p->gzip.next_out = (Bytef *)room;
    p->gzip.avail_out = ROOM;
    rc = deflate(&p->gzip, flush);
    p->out->len += ROOM - p->gzip.avail_out;
  } while (p->gzip.avail_in > 0 || (flush == Z_FINISH && rc != Z_STREAM_END));
}

void packer_add(struct packer *p, const void *data, size_t length) {
  const char *at = data;
  p->taken += length;
  while (length > 0) { /* zlib counts in unsigned int */
    size_t piece = length < (1u << 30) ? length : 1u << 30;
    if (p->codec == CODEC_ZSTD)
      run_zstd(p, at, piece, ZSTD_e_continue);
    else if (p->codec == CODEC_GZIP)
      run_gzip(p, at, piece, Z_NO_FLUSH);
    else
      bytes_add(p->out, at, piece);
    at += piece;
    length -= piece;
  }
}

void packer_end(struct packer *p) {
  if (p->codec == CODEC_ZSTD)
    run_zstd(p, NULL, 0, ZSTD_e_end);
  else if (p->codec == CODEC_GZIP)
    run_gzip(p, NULL, 0, Z_FINISH);
}

uint64_t packer_taken(const struct packer *p) {
  return p->taken;
}
