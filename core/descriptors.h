/* SPDX-License-Identifier: MIT
 *
 * How many files and sockets this process may have open, and so how many
 * transfers there may be at once.
 *
 * Any thread; the limit belongs to the whole process.
 */
#ifndef SPATE_DESCRIPTORS_H
#define SPATE_DESCRIPTORS_H

#define DESCRIPTORS_OWN 48u   /* session, loops, log, control socket */
#define DESCRIPTORS_LEAST 56u /* with fewer nothing is begun */
#define DESCRIPTORS_EACH 2u   /* a socket and a file for each transfer */

/* Raises the soft limit (getrlimit(2), RLIMIT_NOFILE) as far as this many
 * transfers need and the hard limit lets it; never lowers it. Returns how many
 * transfers fit then, 0: not even one. */
unsigned descriptors_for(unsigned transfers);

#endif
