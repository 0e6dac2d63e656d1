/* SPDX-License-Identifier: MIT
 *
 * Files over FTP, FTPS and SFTP, on the handles of transfer.h. There is no head
 * to an answer: what libcurl found out about the file (SIZE and MDTM of RFC
 * 3659, the attributes of SFTP) is put as if HTTP had said it, so that resume,
 * sinks and limits need not know. The time of change does for a validator; it
 * and the size must be as before, or the file is fetched anew. Without a time
 * nothing is resumed.
 *
 * At the end of a file, and before it closes a connection, libcurl waits for
 * the server's word, and the loop with it. After STUCK_NS that is broken off:
 * the answer counts as one that did not come in time.
 *
 * SSH host keys must stand in the known_hosts file; none is ever added.
 * libcurl reads that file and the key on the loop, once a connection.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_FILE_TRANSFER_H
#define SPATE_FILE_TRANSFER_H

#include "transfer.h"

/* Once a handle, where such protocols are allowed. */
void file_transfer_lasting(struct transfer *transfer);

/* Before each start. The handle may have spoken HTTP before, or is to again. */
void file_transfer_options(struct transfer *transfer,
                           const struct transfer_request *request);

/* A line of the control connection: the last reply explains a failure. */
void file_transfer_reply(struct transfer *transfer, const char *line,
                         size_t length);

/* Puts the answer together; more: a body follows. */
void file_transfer_head(struct transfer *transfer, bool more);

/* It is over: fills what a verdict needs, and the head of an answer without a
 * body. Returns the code to go on with. */
CURLcode file_transfer_over(struct transfer *transfer, CURLcode code);

/* For tests: an answer from what is known. length: of what is to come, when:
 * Unix time; -1 unknown. */
void file_transfer_answer(struct answer *answer, int64_t from, int64_t length,
                          int64_t when, const char *validator, bool more);

#endif
