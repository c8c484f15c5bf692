/*
 * The service manager's socket, sd_notify(3): "READY=1", "WATCHDOG=1", "STOPPING=1".
 * Without $NOTIFY_SOCKET nothing happens, and no failure matters. Thread: any.
 */
#ifndef IW_NOTIFY_H
#define IW_NOTIFY_H

void iw_notify(const char *what);

#endif
