/* SPDX-License-Identifier: MIT
 *
 * Private addresses: see address.h. Two tables of prefixes, and the places
 * where an IPv4 address stands in an IPv6 one. Pure.
 */
#include "config.h"

#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct {
  uint8_t prefix[4];
  unsigned bits;
} ipv4[] = {
    {{0, 0, 0, 0}, 8},        /* this network, RFC 1122 */
    {{10, 0, 0, 0}, 8},       /* RFC 1918 */
    {{100, 64, 0, 0}, 10},    /* shared, RFC 6598 */
    {{127, 0, 0, 0}, 8},      /* loopback */
    {{168, 63, 129, 16}, 32}, /* Azure's platform service */
    {{169, 254, 0, 0}, 16},   /* link-local and metadata, RFC 3927 */
    {{172, 16, 0, 0}, 12},    /* RFC 1918 */
    {{192, 0, 0, 0}, 24},     /* protocol assignments, RFC 6890 */
    {{192, 0, 2, 0}, 24},     /* documentation, RFC 5737 */
    {{192, 88, 99, 0}, 24},   /* 6to4 relays, RFC 7526 */
    {{192, 168, 0, 0}, 16},   /* RFC 1918 */
    {{198, 18, 0, 0}, 15},    /* benchmarks, RFC 2544 */
    {{198, 51, 100, 0}, 24},  /* documentation */
    {{203, 0, 113, 0}, 24},   /* documentation */
    {{224, 0, 0, 0}, 4},      /* multicast, RFC 5771 */
    {{240, 0, 0, 0}, 4},      /* reserved, and broadcast */
};

static const struct {
  uint8_t prefix[16];
  unsigned bits;
} ipv6[] = {
    {{0}, 128},                           /* unspecified */
    {{[15] = 1}, 128},                    /* loopback */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* local NAT64, RFC 8215 */
    {{0x01}, 64},                         /* discard-only, RFC 6666 */
    {{0x20, 0x01, 0x00, 0x02, 0, 0}, 48}, /* benchmarks, RFC 5180 */
    {{0x20, 0x01, 0x00, 0x10}, 28},       /* ORCHID, RFC 4843 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation, RFC 3849 */
    {{0x3f, 0xff}, 20},                   /* documentation, RFC 9637 */
    {{0x5f, 0x00}, 16},                   /* segment routing, RFC 9602 */
    {{0xfc}, 7},                          /* unique local, RFC 4193 */
    {{0xfe, 0x80}, 10},                   /* link-local */
    {{0xfe, 0xc0}, 10},                   /* site-local, RFC 3879 */
    {{0xff}, 8},                          /* multicast */
};

/* IPv6 prefixes behind which an IPv4 address stands. */
static const struct {
  uint8_t prefix[12];
  unsigned bits;
  size_t at;      /* of the IPv4 address, in bytes */
  uint8_t masked; /* what its bytes are XORed with */
} carriers[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, 12, 0}, /* mapped */
    {{0}, 96, 12, 0},                        /* compatible */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12, 0},   /* NAT64, RFC 6052 */
    {{0x20, 0x02}, 16, 2, 0},                /* 6to4, RFC 3056 */
    {{0x20, 0x01, 0, 0}, 32, 12, 0xff},      /* Teredo, RFC 4380 */
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static bool begins_with(const uint8_t *bytes, const uint8_t *prefix,
                        unsigned bits) {
  unsigned whole = bits / 8, rest = bits % 8;
  if (memcmp(bytes, prefix, whole) != 0)
    return false;
  return rest == 0 || ((bytes[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static bool is_private4(const uint8_t *bytes) {
  for (size_t i = 0; i < COUNT(ipv4); i++)
    if (begins_with(bytes, ipv4[i].prefix, ipv4[i].bits))
      return true;
  return false;
}

static bool is_private6(const uint8_t *bytes) {
  for (size_t i = 0; i < COUNT(ipv6); i++)
    if (begins_with(bytes, ipv6[i].prefix, ipv6[i].bits))
      return true;
  for (size_t i = 0; i < COUNT(carriers); i++) {
    uint8_t inner[4];
    if (!begins_with(bytes, carriers[i].prefix, carriers[i].bits))
      continue;
    for (size_t n = 0; n < sizeof(inner); n++)
      inner[n] = bytes[carriers[i].at + n] ^ carriers[i].masked;
    return is_private4(inner);
  }
  return false;
}

bool address_is_private(const struct sockaddr *address) {
  if (address->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, address, sizeof(in));
    return is_private4((const uint8_t *)&in.sin_addr);
  }
  if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    return is_private6(in6.sin6_addr.s6_addr);
  }
  return true;
}

bool address_of_text(const char *host, bool *is_private) {
  char text[INET6_ADDRSTRLEN];
  uint8_t bytes[16];
  size_t length = strlen(host);
  if (inet_pton(AF_INET, host, bytes) == 1) {
    *is_private = is_private4(bytes);
    return true;
  }
  if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
    host++;
    length -= 2;
  }
  if (length >= sizeof(text))
    return false;
  memcpy(text, host, length);
  text[length] = '\0';
  if (inet_pton(AF_INET6, text, bytes) != 1)
    return false;
  *is_private = is_private6(bytes);
  return true;
}

bool address_is_localhost(const char *name) {
  static const char known[] = "localhost";
  size_t length = strlen(name), tail = sizeof(known) - 1;
  if (length < tail || strcasecmp(name + length - tail, known) != 0)
    return false;
  return length == tail || (length > tail + 1 && name[length - tail - 1] == '.');
}
