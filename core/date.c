/* SPDX-License-Identifier: MIT
 *
 * Dates; see date.h. The calendar is computed here: mktime() and timegm() know
 * time zones and locales that do not matter.
 */
#include "config.h"

#include "date.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#include "err.h"

/* Days since 1970-01-01 in the proleptic Gregorian calendar, by counting from
 * March so that the leap day is the last of its year. */
static int64_t days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = year / 400, of_era = year - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
         719468;
}

static int days_in_month(int64_t year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

/* Exactly n digits, moved over. */
static bool digits(const char **at, int n, int *value) {
  int number = 0;
  for (int i = 0; i < n; i++) {
    if (!isdigit((unsigned char)(*at)[i]))
      return false;
    number = number * 10 + ((*at)[i] - '0');
  }
  *at += n;
  *value = number;
  return true;
}

static bool literal(const char **at, char c) {
  if (**at != c)
    return false;
  ++*at;
  return true;
}

/* Z, +hh:mm, +hhmm, +hh or nothing, up to the end. */
static bool read_zone(const char *p, int *offset_s) {
  int hours = 0, minutes = 0;
  *offset_s = 0;
  if (*p == '\0' || ((*p == 'Z' || *p == 'z') && p[1] == '\0'))
    return true;
  int sign = *p == '-' ? -1 : 1;
  if (*p != '+' && *p != '-')
    return false;
  p++;
  if (!digits(&p, 2, &hours))
    return false;
  if (*p != '\0') {
    literal(&p, ':');
    if (!digits(&p, 2, &minutes))
      return false;
  }
  *offset_s = sign * (hours * 3600 + minutes * 60);
  return *p == '\0' && hours < 24 && minutes < 60;
}

/* hh:mm[:ss[.fraction]] or hhmm[ss], then the zone. */
static bool read_clock(const char *p, bool colons, int *second_of_day,
                       int *zone_s) {
  int hour, minute, second = 0;
  if (!digits(&p, 2, &hour) || (colons && !literal(&p, ':')) ||
      !digits(&p, 2, &minute))
    return false;
  bool more = colons ? literal(&p, ':') : isdigit((unsigned char)*p) != 0;
  if (more && !digits(&p, 2, &second))
    return false;
  if (more && (*p == '.' || *p == ',') && isdigit((unsigned char)p[1]))
    for (p++; isdigit((unsigned char)*p); p++)
      ;
  *second_of_day = hour * 3600 + minute * 60 + second;
  return hour < 24 && minute < 60 && second <= 60 && read_zone(p, zone_s);
}

int date_iso(const char *p, int64_t *unix_seconds) {
  int year, month, day, clock_s = 0, zone_s = 0;
  if (!digits(&p, 4, &year))
    return ERR_SYNTAX;
  bool dashes = literal(&p, '-');
  if (!digits(&p, 2, &month) || (dashes && !literal(&p, '-')) ||
      !digits(&p, 2, &day))
    return ERR_SYNTAX;
  if (year < 1970 || month < 1 || month > 12 || day < 1 ||
      day > days_in_month(year, month))
    return ERR_SYNTAX;
  if (*p != '\0') {
    if (!literal(&p, 'T') && !literal(&p, 't') && !literal(&p, ' '))
      return ERR_SYNTAX;
    if (!read_clock(p, dashes, &clock_s, &zone_s))
      return ERR_SYNTAX;
  }
  *unix_seconds = days_from_civil(year, month, day) * 86400 + clock_s - zone_s;
  return 0;
}

/* ---- HTTP ------------------------------------------------------------------
 */

/* Three letters of a list of such, moved over: their number from 0 on, or -1.
 */
static int name_of_three(const char **at, const char *names) {
  for (int i = 0; names[3 * i] != '\0'; i++)
    if (strncmp(*at, names + (size_t)3 * (size_t)i, 3) == 0) {
      *at += 3;
      return i;
    }
  return -1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" and nothing else. */
static bool read_fixdate(const char *p, int64_t *unix_seconds) {
  int month, day, year, hour, minute, second;
  if (name_of_three(&p, "SunMonTueWedThuFriSat") < 0 || !literal(&p, ',') ||
      !literal(&p, ' ') || !digits(&p, 2, &day) || !literal(&p, ' '))
    return false;
  month = 1 + name_of_three(&p, "JanFebMarAprMayJunJulAugSepOctNovDec");
  if (month == 0 || !literal(&p, ' ') || !digits(&p, 4, &year) ||
      !literal(&p, ' ') || !digits(&p, 2, &hour) || !literal(&p, ':') ||
      !digits(&p, 2, &minute) || !literal(&p, ':') || !digits(&p, 2, &second) ||
      strcmp(p, " GMT") != 0)
    return false;
  if (year < 1970 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
      minute > 59 || second > 60)
    return false;
  *unix_seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 +
                  minute * 60 + second;
  return true;
}

int date_http(const char *text, int64_t *unix_seconds) {
  if (read_fixdate(text, unix_seconds))
    return 0;
  /* All three forms begin with the day's name. Without that check
   * curl_getdate() would take "GMT" or "May" for something. */
  if (!isalpha((unsigned char)*text) || strlen(text) < DATE_LEAST ||
      strlen(text) > DATE_MOST)
    return ERR_SYNTAX;
  time_t at = curl_getdate(text, NULL);
  if (at == (time_t)-1)
    return ERR_SYNTAX;
  *unix_seconds = (int64_t)at;
  return 0;
}
