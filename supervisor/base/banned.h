/* Functions that have cost other projects a CVE. Include last in every .c file. */
#ifndef IW_BASE_BANNED_H
#define IW_BASE_BANNED_H

#define IW_BANNED(func) sorry_##func##_is_banned

#undef strcpy
#define strcpy(x, y) IW_BANNED(strcpy)
#undef strcat
#define strcat(x, y) IW_BANNED(strcat)
#undef strncpy
#define strncpy(x, y, n) IW_BANNED(strncpy)
#undef strncat
#define strncat(x, y, n) IW_BANNED(strncat)
#undef strtok
#define strtok(x, y) IW_BANNED(strtok)
#undef sprintf
#define sprintf(...) IW_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) IW_BANNED(vsprintf)
#undef sscanf
#define sscanf(...) IW_BANNED(sscanf)
#undef atoi
#define atoi(x) IW_BANNED(atoi)
#undef gets
#define gets(x) IW_BANNED(gets)
#undef system
#define system(x) IW_BANNED(system)
#undef popen
#define popen(x, y) IW_BANNED(popen)

#endif
