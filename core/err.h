/* SPDX-License-Identifier: MIT
 *
 * Error codes of the engine and the sentences that tell a user what to do.
 *
 * Functions return 0 or one of these negative codes. A caller that can name
 * the file, line or option fills a struct errmsg as well; the code alone is
 * enough to choose the exit status.
 */
#ifndef SPATE_ERR_H
#define SPATE_ERR_H

#if defined(__GNUC__) || defined(__clang__)
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define MUST_CHECK
#define PRINTF_LIKE(f, a)
#endif

#define ERR_TABLE(X)                                                       \
  X(ERR_NOMEM, -1, "out of memory: lower --concurrency or the window")     \
  X(ERR_USAGE, -2, "the command line or configuration is wrong")           \
  X(ERR_IO, -3, "a file could not be read or written")                     \
  X(ERR_FULL, -4, "the disk is full: free some space and run it again")    \
  X(ERR_READONLY, -5, "the output directory cannot be written to")         \
  X(ERR_LOCKED, -6, "another spate is running on this directory")          \
  X(ERR_CORRUPT, -7, "the session database is damaged")                    \
  X(ERR_EXISTS, -8, "the file exists and does not belong to this session") \
  X(ERR_UNSAFE, -9, "the name would leave the output directory")           \
  X(ERR_CHANGED, -10, "the manifest names other objects than the session") \
  X(ERR_SYNTAX, -11, "the text is not of the form expected")               \
  X(ERR_NOTFOUND, -12, "there is no such thing")                           \
  X(ERR_CLOSED, -13, "it is closed already")                               \
  X(ERR_TOOBIG, -14, "it is larger than its ceiling allows")               \
  X(ERR_UNSUPPORTED, -15, "this build or system cannot do that")           \
  X(ERR_NETWORK, -16, "the network is down")                               \
  X(ERR_MISMATCH, -17, "the bytes are not those that a checksum promises") \
  X(ERR_MALFORMED, -18, "the data is damaged or not of its kind")          \
  X(ERR_BOMB, -19, "it unpacks to more than the limits allow")

enum err {
  ERR_OK = 0,
#define ERR_ENUM(name, code, text) name = code,
  ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* A sentence about an error, written for the person who reads it; always
 * terminated, cut at the ceiling. */
struct errmsg {
  char text[512];
};

/* The general sentence for a code; never NULL. Any thread. */
const char *err_text(int code);

/* The code that fits an errno value: ENOSPC and EDQUOT are ERR_FULL, EROFS,
 * EACCES and EPERM are ERR_READONLY, ENOMEM is ERR_NOMEM, EEXIST is
 * ERR_EXISTS, ELOOP and ENOTDIR are ERR_UNSAFE, the rest is ERR_IO. */
int err_from_errno(int saved_errno);

/* The exit status of CLI.md for a code: 2 for usage, syntax and a changed
 * manifest, 3 for what concerns the session or the disk, else 1. */
int err_exit_status(int code);

/* Formats into msg (which may be NULL) and returns code, so that a failing
 * function can end with: return err_set(msg, ERR_IO, "...", ...). */
int err_set(struct errmsg *msg, int code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
