// seccomp(2) filters (Linux kernel documentation, userspace-api/seccomp_filter): a list of system calls that
// are allowed, some of them with certain arguments only; everything else is EPERM.
#include "platform/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace jump::platform {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

// The low half of an argument; the architectures above are little-endian.
constexpr std::uint32_t argument(int index) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8u * static_cast<unsigned>(index));
}

class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    // The x32 way into the same calls has other numbers.
    add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#endif
  }

  void allow(std::initializer_list<long> calls) {
    for (const long call : calls) {
      add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
      add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
  }
  // When argument `index` is one of `values`.
  void allow_with(long call, int index, std::initializer_list<std::uint32_t> values) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0,
        static_cast<std::uint8_t>(values.size() * 2 + 2));
    load(argument(index));
    for (const std::uint32_t value : values) {
      add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
      add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    add(BPF_RET | BPF_K, refusal());
  }
  // When argument `index` has none of these bits.
  void allow_without(long call, int index, std::uint32_t bits) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4);
    load(argument(index));
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    add(BPF_RET | BPF_K, refusal());
  }
  // When argument `index` has all of these bits.
  void allow_with_all(long call, int index, std::uint32_t bits) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 5);
    load(argument(index));
    add(BPF_ALU | BPF_AND | BPF_K, bits);
    add(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    add(BPF_RET | BPF_K, refusal());
  }
  // As if the kernel did not have it, so that the C library takes the older way.
  void unknown(long call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  }

  Result<void> install() {
    add(BPF_RET | BPF_K, refusal());
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("forbid new privileges");
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
      if (errno == ENOSYS || errno == EINVAL)
        return Error(Fault::unsupported, "this kernel has no seccomp filters");
      return system_error("install the sandbox");
    }
    return {};
  }

 private:
  static std::uint32_t refusal() { return SECCOMP_RET_ERRNO | EPERM; }
  void add(unsigned code, std::uint32_t k, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    code_.push_back(sock_filter{static_cast<std::uint16_t>(code), if_true, if_false, k});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }

  std::vector<sock_filter> code_;
};

void allow_work(Filter& filter) {
  filter.allow({SYS_read,
                SYS_write,
                SYS_readv,
                SYS_writev,
                SYS_recvfrom,
                SYS_recvmsg,
                SYS_sendto,
                SYS_sendmsg,
                SYS_close,
                SYS_shutdown,
                SYS_epoll_pwait,
                SYS_epoll_ctl,
                SYS_ppoll,
                SYS_getsockopt,
                SYS_setsockopt,
                SYS_getsockname,
                SYS_getpeername,
                SYS_fstat,
                SYS_lseek,
                SYS_munmap,
                SYS_mremap,
                SYS_madvise,
                SYS_brk,
                SYS_futex,
                SYS_getrandom,
                SYS_clock_gettime,
                SYS_clock_getres,
                SYS_gettimeofday,
                SYS_nanosleep,
                SYS_clock_nanosleep,
                SYS_timerfd_settime,
                SYS_timerfd_gettime,
                SYS_rt_sigreturn,
                SYS_rt_sigprocmask,
                SYS_rt_sigaction,
                SYS_sigaltstack,
                SYS_restart_syscall,
                SYS_exit,
                SYS_exit_group,
                SYS_getpid,
                SYS_gettid,
                SYS_getuid,
                SYS_geteuid,
                SYS_getgid,
                SYS_getegid,
                SYS_tgkill,
                SYS_sched_yield,
                SYS_getrusage,
                SYS_uname});
#if defined(__x86_64__)
  filter.allow({SYS_epoll_wait, SYS_poll, SYS_time});
#endif
  filter.allow_with(SYS_fcntl, 1, {F_GETFL, F_SETFL, F_GETFD, F_SETFD});
  filter.allow_with(SYS_ioctl, 1, {FIONBIO, FIONREAD, SIOCATMARK});
  filter.allow_without(SYS_mmap, 2, PROT_EXEC);
  filter.allow_without(SYS_mprotect, 2, PROT_EXEC);
}

void allow_connections(Filter& filter) {
  filter.allow({SYS_openat,        SYS_newfstatat,      SYS_connect,           SYS_bind,     SYS_pipe2,
                SYS_getdents64,    SYS_faccessat,       SYS_readlinkat,        SYS_dup,      SYS_eventfd2,
                SYS_socketpair,    SYS_set_robust_list, SYS_sched_getaffinity, SYS_sendmmsg, SYS_recvmmsg,
                SYS_epoll_create1, SYS_timerfd_create,  SYS_sysinfo,           SYS_statx,    SYS_rseq,
                SYS_pread64,       SYS_set_tid_address});
#if defined(__x86_64__)
  filter.allow({SYS_open, SYS_stat, SYS_access, SYS_readlink});
#endif
  filter.allow_with(SYS_socket, 0, {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK});
  // Threads, not processes. Flags of clone3 lie in memory, out of a filter's sight.
  filter.unknown(SYS_clone3);
  filter.allow_with_all(SYS_clone, 0, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND);
  filter.allow_with(SYS_prctl, 0, {PR_SET_NAME});
}

// Before the others: the first rule for a call decides, and these look at no argument. The name service of
// the C library loads libraries.
void allow_relay(Filter& filter) {
  filter.allow({SYS_accept4,
                SYS_accept,
                SYS_listen,
                SYS_splice,
                SYS_dup3,
                SYS_pwrite64,
                SYS_fsync,
                SYS_fdatasync,
                SYS_ftruncate,
                SYS_fchmod,
                SYS_flock,
                SYS_renameat,
                SYS_renameat2,
                SYS_unlinkat,
                SYS_faccessat2,
                SYS_getcwd,
                SYS_umask,
                SYS_pselect6,
                SYS_getppid,
                SYS_prlimit64,
                SYS_sched_getparam,
                SYS_membarrier,
                SYS_sched_getscheduler});
  filter.allow({SYS_fcntl, SYS_ioctl, SYS_mmap, SYS_mprotect});
#if defined(__x86_64__)
  filter.allow({SYS_lstat, SYS_rename, SYS_unlink, SYS_select, SYS_epoll_create, SYS_dup2, SYS_pipe,
                SYS_arch_prctl, SYS_getrlimit});
#endif
}

}  // namespace

bool system_has_walls() {
  return true;
}

Result<void> enter_sandbox(Sandbox kind) {
  if constexpr (kArchitecture == 0) {
    return Error(Fault::unsupported, "no sandbox is known for this architecture");
  }
  Filter filter;
  if (kind == Sandbox::relay) allow_relay(filter);
  allow_work(filter);
  if (kind != Sandbox::open_descriptors_only) allow_connections(filter);
  return filter.install();
}

Result<void> try_sandbox(Sandbox kind) {
  const int child = ::fork();
  if (child < 0) return system_error("try the sandbox");
  if (child == 0) {
    if (!enter_sandbox(kind)) ::_exit(1);
    // It holds: a program cannot be started, and what is allowed works.
    char* const none[] = {nullptr};
    ::execve("/bin/true", none, none);
    ::_exit(errno == EPERM && ::getpid() > 0 ? 0 : 2);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return system_error("try the sandbox");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error(Fault::unsupported, "this machine lets no process lock itself up (seccomp)");
}

}  // namespace jump::platform
