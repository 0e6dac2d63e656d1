/* SPDX-License-Identifier: MIT
 *
 * Snapshots for front ends of other processes, small enough for ten a second
 * over a slow line: a frame holds what has changed since the one before.
 *
 * A record (the snapshot's head, a row) is a mask of the fields that changed
 * and their values: whole numbers as zigzag varints of the difference, rates
 * in three bytes, texts by what differs from the text of that field before
 * them in the frame. Rows of tasks live in slots. Rows that the reader has in
 * sight (wire_writer_watch) are in every frame, others once a second; new ones
 * come as the frame's budget allows. Histories and the log move on.
 *
 * Both ends must be of the same tables: wire_version() tells. What is read is
 * checked field by field; a frame that does not fit is ERR_SYNTAX.
 *
 * Pure; each writer and reader belongs to one thread at a time.
 */
#ifndef SPATE_WIRE_H
#define SPATE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "snapshot.h"

#ifdef SPATE_FUZZING
#define WIRE_TEXT_MAX 100
#define WIRE_SLOTS 32
#define WIRE_HOSTS 16
#else
#define WIRE_TEXT_MAX 2048 /* longer texts are cut */
#define WIRE_SLOTS 4096    /* rows of tasks */
#define WIRE_HOSTS 1024
#endif
#define WIRE_WATCH 512                   /* rows in sight */
#define WIRE_FRAME_MAX ((size_t)4 << 20) /* bytes of a frame */
#define WIRE_BUDGET ((size_t)12 * 1024)  /* for rows not in sight */
#define WIRE_BUDGET_FIRST ((size_t)256 * 1024)

/* A number that differs when the tables do. */
uint32_t wire_version(void);

/* ---- writing ------------------------------------------------------------- */

struct wire_writer;

struct wire_writer *wire_writer_new(void); /* NULL without memory */
void wire_writer_free(struct wire_writer *writer);

/* The tasks whose rows are in sight. */
void wire_writer_watch(struct wire_writer *writer, const uint64_t *ids,
                       size_t count);

/* The next frame, borrowed until the next call. It counts as delivered. NULL
 * without memory: the writer is of no use any more. */
const uint8_t *wire_write(struct wire_writer *writer,
                          const struct snapshot *snap, uint64_t now_ms,
                          size_t *len);

/* ---- reading ------------------------------------------------------------- */

struct wire_reader;

struct wire_reader *wire_reader_new(void); /* NULL without memory */
void wire_reader_free(struct wire_reader *reader);

/* Takes a frame in. After an error the reader is of no use any more. */
int wire_read(struct wire_reader *reader, const uint8_t *frame,
              size_t len) MUST_CHECK;

/* What the frames so far come to, as one block of memory for free(); the reply
 * is the caller's to say. NULL without memory. */
struct snapshot *wire_snapshot(const struct wire_reader *reader,
                               uint64_t reply_seq, const char *reply_text);

#endif
