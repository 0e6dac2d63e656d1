/* SPDX-License-Identifier: MIT
 *
 * Which addresses belong to this machine, its neighbours or a provider's own
 * services, and which are out in the world: a server that redirects to one of
 * the former may want to see through our eyes what it cannot reach itself.
 *
 * Private here is all that is not globally reachable by the registries of RFC
 * 6890: this network and loopback, RFC 1918, shared address space (RFC 6598,
 * which has metadata services as well), link-local (RFC 3927, likewise; RFC
 * 4291), unique local (RFC 4193), documentation, benchmarks, multicast,
 * reserved; and the platform service of Azure, which has a public number.
 * IPv6 addresses that carry an IPv4 address (RFC 4291 section 2.5.5, NAT64 of
 * RFC 6052, 6to4 of RFC 3056, Teredo of RFC 4380) are as private as that.
 *
 * Pure; any thread.
 */
#ifndef SPATE_ADDRESS_H
#define SPATE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* A family that is neither IPv4 nor IPv6 is private: it is local. */
bool address_is_private(const struct sockaddr *address);

/* The host of a URL, IPv6 in brackets or not. False when it is a name and no
 * address; else *is_private tells. */
bool address_of_text(const char *host, bool *is_private);

/* "localhost" and what ends with ".localhost": names of this machine that no
 * resolver need be asked for (RFC 6761 section 6.3). libcurl answers them. */
bool address_is_localhost(const char *name);

#endif
