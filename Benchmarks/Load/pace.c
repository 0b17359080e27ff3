// pace: an HTTP/1.1 load generator that keeps a rate.
//
// wrk sends the next request when the answer to the last one is there, so a slow server is asked less and its stalls
// are measured once instead of once per request that should have been sent ("coordinated omission"). Here requests are
// due at random times of a fixed mean rate (Poisson), whatever the server does, and a latency counts from the time at
// which its request was due.
//
// pace -p PORT -f REQUESTS -c CONNECTIONS -r RATE -d SECONDS    at a rate, for so long
// pace -p PORT -f REQUESTS -c CONNECTIONS -w                    each request of the file once, as fast as it goes
//
// REQUESTS holds whole requests, a NUL byte after each; one is picked at random. Prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    headMax = 32 * 1024,
    readSize = 256 * 1024,
    // Latencies are counted by the microsecond up to 4 s.
    bucketCount = 4 * 1000 * 1000,
    drainSeconds = 5,
};

enum phase { idle, sending, head, body, chunkSize, chunkData, trailer };

struct connection {
    int fd;
    enum phase phase;
    int64_t due;
    const char *request;
    size_t requestLength, sent;
    char head[headMax];
    size_t headLength;
    uint64_t left;
    bool closes, waitsForRoom;
};

static struct {
    int epoll, timer, port;
    struct connection *connections;
    int connectionCount, idleCount;
    int *idleList;
    const char **requests;
    size_t *requestLengths;
    size_t requestCount, walked;
    bool walks;
    // Requests that are due while all connections are busy: a ring of due times.
    int64_t *waiting;
    size_t waitingFirst, waitingCount, waitingMax;
    uint32_t *buckets;
    uint64_t done, started, failed, statuses[6], bytes;
    int64_t worst;
    uint64_t random;
} all;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t nextRandom(void) {
    all.random ^= all.random << 13;
    all.random ^= all.random >> 7;
    all.random ^= all.random << 17;
    return all.random;
}

static void openConnection(struct connection *c) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)all.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl");
    c->phase = idle;
    c->waitsForRoom = false;
}

static void awaitRoom(struct connection *c, bool waits) {
    if (c->waitsForRoom == waits) return;
    struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(all.epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->waitsForRoom = waits;
}

static void startNext(struct connection *c);

static void reopen(struct connection *c) {
    close(c->fd);
    openConnection(c);
}

static void fail(struct connection *c) {
    if (c->phase != idle) all.failed++;
    reopen(c);
    startNext(c);
}

static bool sendSome(struct connection *c) {
    while (c->sent < c->requestLength) {
        ssize_t n = send(c->fd, c->request + c->sent, c->requestLength - c->sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) return false;
            awaitRoom(c, true);
            return true;
        }
        c->sent += (size_t)n;
    }
    awaitRoom(c, false);
    c->phase = head;
    return true;
}

static void begin(struct connection *c, int64_t due) {
    size_t pick = all.walks ? all.walked++ : nextRandom() % all.requestCount;
    c->request = all.requests[pick];
    c->requestLength = all.requestLengths[pick];
    c->sent = c->headLength = 0;
    c->closes = false;
    c->due = due;
    c->phase = sending;
    all.started++;
    if (!sendSome(c)) fail(c);
}

// Gives the connection what waits for one, or puts it among the idle ones.
static void startNext(struct connection *c) {
    if (all.walks && all.walked < all.requestCount) return begin(c, now());
    if (all.waitingCount > 0) {
        int64_t due = all.waiting[all.waitingFirst];
        all.waitingFirst = (all.waitingFirst + 1) % all.waitingMax;
        all.waitingCount--;
        return begin(c, due);
    }
    all.idleList[all.idleCount++] = (int)(c - all.connections);
}

static void isDue(int64_t due) {
    if (all.idleCount > 0) return begin(&all.connections[all.idleList[--all.idleCount]], due);
    if (all.waitingCount == all.waitingMax) {
        all.failed++;
        return;
    }
    all.waiting[(all.waitingFirst + all.waitingCount++) % all.waitingMax] = due;
}

static void finish(struct connection *c) {
    int64_t latency = (now() - c->due) / 1000;
    if (latency > all.worst) all.worst = latency;
    if (latency >= bucketCount) latency = bucketCount - 1;
    if (latency < 0) latency = 0;
    all.buckets[latency]++;
    all.done++;
    c->phase = idle;
    if (c->closes) reopen(c);
    startNext(c);
}

static const char *field(const char *headText, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(headText, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            while (*line == ' ') line++;
            return line;
        }
    }
    return NULL;
}

// Reads a whole head; false where it is none.
static bool readHead(struct connection *c) {
    c->head[c->headLength] = 0;
    if (c->headLength < 12 || strncmp(c->head, "HTTP/1.", 7) != 0) return false;
    int status = atoi(c->head + 9);
    if (status < 100 || status > 599) return false;
    if (status < 200) {
        c->headLength = 0;
        return true;
    }
    all.statuses[status / 100]++;
    const char *connection = field(c->head, "connection"), *length = field(c->head, "content-length"),
               *coding = field(c->head, "transfer-encoding");
    c->closes = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) {
        c->phase = chunkSize;
        c->headLength = 0;
        return true;
    }
    // None of the requests here gets an answer that only the end of the connection ends.
    if (length == NULL && status != 204 && status != 304) return false;
    c->left = length == NULL ? 0 : strtoull(length, NULL, 10);
    c->phase = body;
    return true;
}

// Takes bytes of one line into the head buffer; how many, or -1 where it is too long. *whole: the line ended.
static ssize_t takeUntil(struct connection *c, const char *bytes, size_t count, const char *end, bool *whole) {
    size_t endLength = strlen(end);
    *whole = false;
    for (size_t i = 0; i < count; i++) {
        if (c->headLength + 1 >= headMax) return -1;
        c->head[c->headLength++] = bytes[i];
        if (c->headLength >= endLength && memcmp(c->head + c->headLength - endLength, end, endLength) == 0) {
            *whole = true;
            return (ssize_t)i + 1;
        }
    }
    return (ssize_t)count;
}

// Consumes what was read; false where it is no HTTP.
static bool consume(struct connection *c, const char *bytes, size_t count) {
    while (true) {
        bool whole;
        ssize_t n;
        size_t take;
        switch (c->phase) {
        case idle:
        case sending:
            return count == 0;
        case head:
            if (count == 0) return true;
            n = takeUntil(c, bytes, count, "\r\n\r\n", &whole);
            if (n < 0 || (whole && !readHead(c))) return false;
            break;
        case body:
            take = c->left < count ? (size_t)c->left : count;
            c->left -= take;
            n = (ssize_t)take;
            if (c->left == 0) {
                if (count > take) return false;
                finish(c);
                return true;
            }
            if (take == count) return true;
            break;
        case chunkSize:
            if (count == 0) return true;
            n = takeUntil(c, bytes, count, "\n", &whole);
            if (n < 0) return false;
            if (whole) {
                c->head[c->headLength] = 0;
                // With the line break behind the data.
                c->left = strtoull(c->head, NULL, 16) + 2;
                c->phase = c->left == 2 ? trailer : chunkData;
                c->headLength = 0;
            }
            break;
        case chunkData:
            if (count == 0) return true;
            take = c->left < count ? (size_t)c->left : count;
            c->left -= take;
            n = (ssize_t)take;
            if (c->left == 0) c->phase = chunkSize;
            break;
        case trailer:
            if (count == 0) return true;
            n = takeUntil(c, bytes, count, "\n", &whole);
            if (n < 0) return false;
            if (whole && c->headLength <= 2) {
                finish(c);
                return true;
            }
            if (whole) c->headLength = 0;
            break;
        default:
            return false;
        }
        bytes += n;
        count -= (size_t)n;
    }
}

static void serve(struct connection *c, uint32_t events) {
    static char buffer[readSize];
    if ((events & EPOLLOUT) && c->phase == sending && !sendSome(c)) return fail(c);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    ssize_t n = read(c->fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        // An idle connection that the server closed is opened again at once.
        if (c->phase == idle) reopen(c);
        else fail(c);
        return;
    }
    all.bytes += (uint64_t)n;
    if (c->phase == sending || !consume(c, buffer, (size_t)n)) fail(c);
}

static void readRequests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) die(path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) die(path);
    fclose(file);
    for (long i = 0; i < size; i++) all.requestCount += text[i] == 0;
    all.requests = calloc(all.requestCount, sizeof *all.requests);
    all.requestLengths = calloc(all.requestCount, sizeof *all.requestLengths);
    size_t number = 0;
    for (char *p = text; p < text + size; p += strlen(p) + 1) {
        all.requests[number] = p;
        all.requestLengths[number++] = strlen(p);
    }
    if (all.requestCount == 0) {
        fprintf(stderr, "%s holds no request\n", path);
        exit(1);
    }
}

static void poll(void) {
    struct epoll_event events[256];
    int n = epoll_wait(all.epoll, events, 256, 1000);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr != NULL) {
            serve(events[i].data.ptr, events[i].events);
        } else {
            uint64_t ticks;
            if (read(all.timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) die("timer");
        }
    }
}

static void runAtRate(double rate, double seconds) {
    int64_t start = now(), end = start + (int64_t)(seconds * 1e9);
    double due = (double)start;
    while (true) {
        int64_t time = now();
        if (time >= end + (int64_t)drainSeconds * 1000000000) break;
        if (time >= end && all.idleCount == all.connectionCount && all.waitingCount == 0) break;
        while (due <= (double)time && due < (double)end) {
            isDue((int64_t)due);
            due += -log(((double)(nextRandom() >> 11) + 1) / 9007199254740993.0) / rate * 1e9;
        }
        int64_t next = due < (double)end ? (int64_t)due : time + 50000000;
        struct itimerspec spec = {.it_value = {.tv_sec = next / 1000000000, .tv_nsec = next % 1000000000}};
        timerfd_settime(all.timer, TFD_TIMER_ABSTIME, &spec, NULL);
        poll();
    }
}

static uint64_t percentile(double share) {
    uint64_t wanted = (uint64_t)ceil((double)all.done * share), seen = 0;
    for (size_t i = 0; i < bucketCount; i++) {
        seen += all.buckets[i];
        if (seen >= wanted && seen > 0) return i;
    }
    return 0;
}

int main(int count, char **arguments) {
    const char *path = NULL;
    double rate = 0, seconds = 0;
    int option;
    all.connectionCount = 1;
    while ((option = getopt(count, arguments, "p:f:c:r:d:w")) != -1) {
        switch (option) {
        case 'p': all.port = atoi(optarg); break;
        case 'f': path = optarg; break;
        case 'c': all.connectionCount = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'w': all.walks = true; break;
        default: return 64;
        }
    }
    if (path == NULL || all.port == 0 || all.connectionCount < 1 || (!all.walks && (rate <= 0 || seconds <= 0))) {
        fprintf(stderr, "usage: pace -p PORT -f REQUESTS [-c CONNECTIONS] (-r RATE -d SECONDS | -w)\n");
        return 64;
    }
    readRequests(path);
    // Timers fire when they are due, not up to 50 us later.
    prctl(PR_SET_TIMERSLACK, 1);
    all.random = (uint64_t)now() | 1;
    all.waitingMax = 1 << 20;
    all.waiting = calloc(all.waitingMax, sizeof *all.waiting);
    all.buckets = calloc(bucketCount, sizeof *all.buckets);
    all.connections = calloc((size_t)all.connectionCount, sizeof *all.connections);
    all.idleList = calloc((size_t)all.connectionCount, sizeof *all.idleList);
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    all.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, all.timer, &event) != 0) die("epoll_ctl");
    for (int i = 0; i < all.connectionCount; i++) openConnection(&all.connections[i]);
    int64_t start = now();
    for (int i = 0; i < all.connectionCount; i++) startNext(&all.connections[i]);
    if (all.walks) {
        while (all.done + all.failed < all.requestCount) poll();
    } else {
        runAtRate(rate, seconds);
    }
    // What was asked and not answered in time.
    uint64_t unanswered = all.started - all.done, missing = unanswered > all.failed ? unanswered - all.failed : 0;
    printf("{\"requests\": %lu, \"failed\": %lu, \"seconds\": %.4f, \"status_2xx\": %lu, \"bytes\": %lu, "
           "\"p50_us\": %lu, \"p90_us\": %lu, \"p99_us\": %lu, \"p999_us\": %lu, \"max_us\": %ld}\n",
           all.done, all.failed + missing + all.waitingCount, (double)(now() - start) / 1e9, all.statuses[2], all.bytes,
           percentile(.5), percentile(.9), percentile(.99), percentile(.999), all.worst);
    return 0;
}
