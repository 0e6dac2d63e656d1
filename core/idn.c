/* SPDX-License-Identifier: MIT
 *
 * See idn.h. libidn2 takes UTF-8 whatever the locale says.
 */
#include "config.h"

#include "idn.h"

#include <stdint.h>
#include <string.h>

#ifdef HAVE_LIBIDN2
#include <idn2.h>
#endif

#define NAME_MAX_BYTES 1024 /* as typed: no name of DNS comes of more */

bool idn_is_wide(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)text[i] >= 0x80)
      return true;
  return false;
}

static int fail(int code, const char *what, const char **why) {
  *why = what;
  return code;
}

#ifdef HAVE_LIBIDN2

static int refuse(int rc, const char **why) {
  switch (rc) {
  case IDN2_MALLOC:
    return fail(ERR_NOMEM, "out of memory", why);
  case IDN2_ENCODING_ERROR:
    return fail(ERR_SYNTAX, "its host name is neither ASCII nor UTF-8", why);
  case IDN2_PUNYCODE_BIG_OUTPUT:
  case IDN2_TOO_BIG_LABEL:
    return fail(ERR_TOOBIG,
                "a part of its host name is too long: in its xn-- form it may "
                "have 63 letters",
                why);
  case IDN2_TOO_BIG_DOMAIN:
    return fail(ERR_TOOBIG, "its host name is too long", why);
  default:
    return fail(ERR_SYNTAX,
                "its host name has what no international domain name may have",
                why);
  }
}

static int convert(const char *name, char *out, size_t cap, const char **why) {
  const uint8_t *text = (const uint8_t *)name;
  uint8_t *ascii = NULL;
  int rc = idn2_lookup_u8(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (rc != IDN2_OK) {
    int first = rc;
    rc = idn2_lookup_u8(text, &ascii, IDN2_TRANSITIONAL);
    if (rc != IDN2_OK)
      return refuse(first, why);
  }
  size_t size = strlen((const char *)ascii) + 1;
  if (size <= cap)
    memcpy(out, ascii, size);
  idn2_free(ascii);
  return size <= cap ? 0 : fail(ERR_TOOBIG, "its host name is too long", why);
}

#else

static int convert(const char *name, char *out, size_t cap, const char **why) {
  (void)name;
  (void)out;
  (void)cap;
  return fail(ERR_UNSUPPORTED,
              "its host name is not ASCII: write it in its xn-- form", why);
}

#endif

int idn_to_ascii(const char *name, size_t len, char *out, size_t cap,
                 const char **why) {
  char text[NAME_MAX_BYTES];
  if (len >= sizeof text)
    return fail(ERR_TOOBIG, "its host name is too long", why);
  if (memchr(name, '\0', len) != NULL)
    return fail(ERR_SYNTAX, "its host name has an odd character", why);
  memcpy(text, name, len);
  text[len] = '\0';
  return convert(text, out, cap, why);
}
