#include "platform/system_calls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
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

// What Asio, the resolver, the allocator and the logger of this C library call. clone and socket are looked
// at more closely below.
constexpr int kRelay[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_lseek,
    SYS_close,
    SYS_openat,
    SYS_newfstatat,
    SYS_fstat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_renameat,
    SYS_renameat2,
    SYS_unlinkat,
    SYS_ftruncate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_fchmod,
    SYS_fcntl,
    SYS_ioctl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_splice,
    SYS_getcwd,
    SYS_umask,
    SYS_flock,
    SYS_connect,
    SYS_accept4,
    SYS_accept,
    SYS_bind,
    SYS_listen,
    SYS_shutdown,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_socketpair,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrandom,
    SYS_prlimit64,
    SYS_getrusage,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
    SYS_membarrier,
#if defined(__x86_64__)
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_rename,
    SYS_unlink,
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_epoll_create,
    SYS_dup2,
    SYS_pipe,
    SYS_arch_prctl,
    SYS_time,
    SYS_getrlimit,
#endif
};

constexpr std::uint32_t kDenied = SECCOMP_RET_ERRNO | EPERM;

class Filter {
 public:
  void add(std::uint16_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    program_.push_back({code, yes, no, k});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void answer(std::uint32_t action) { add(BPF_RET | BPF_K, action); }
  void unless_equal_skip(std::uint32_t value, std::uint8_t skipped) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped);
  }
  Result<void> install() {
    const sock_fprog program{static_cast<unsigned short>(program_.size()), program_.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("forbid new privileges");
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
      if (errno == EINVAL || errno == ENOSYS) {
        return Error(Fault::unsupported, "this kernel does not filter system calls");
      }
      return system_error("filter system calls");
    }
    return {};
  }

 private:
  std::vector<sock_filter> program_;
};

// The low half of an argument; flags and families lie in it.
constexpr std::size_t argument(std::size_t number) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  return offsetof(seccomp_data, args) + number * sizeof(std::uint64_t);
}

}  // namespace

Result<void> allow_only(Calls) {
  if (kArchitecture == 0) return Error(Fault::unsupported, "no list of system calls for this processor");
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.unless_equal_skip(kArchitecture, 1);
  filter.add(BPF_JMP | BPF_JA, 1);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  for (const int number : kRelay) {
    filter.unless_equal_skip(static_cast<std::uint32_t>(number), 1);
    filter.answer(SECCOMP_RET_ALLOW);
  }
  // Threads yes, processes no. clone3's flags stand in memory that a filter cannot read: "not there" makes
  // the C library use clone.
  filter.unless_equal_skip(SYS_clone3, 1);
  filter.answer(SECCOMP_RET_ERRNO | ENOSYS);
  filter.unless_equal_skip(SYS_clone, 4);
  filter.load(argument(0));
  filter.add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
  filter.answer(SECCOMP_RET_ALLOW);
  filter.answer(kDenied);
  // Connections, the name service's local socket, and the list of interfaces; nothing raw.
  filter.unless_equal_skip(SYS_socket, 9);
  filter.load(argument(0));
  for (const std::uint32_t family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}) {
    filter.unless_equal_skip(family, 1);
    filter.answer(SECCOMP_RET_ALLOW);
  }
  filter.answer(kDenied);
  return filter.install();
}

}  // namespace jump::platform
