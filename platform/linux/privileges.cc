#include "platform/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace jump::platform {
namespace {

std::uint64_t bits_of(Right right) {
  const auto bit = [](int capability) { return std::uint64_t{1} << capability; };
  switch (right) {
    case Right::raw_network:
      return bit(CAP_NET_RAW);
    case Right::low_ports:
      return bit(CAP_NET_BIND_SERVICE);
    case Right::change_users:
      return bit(CAP_SETUID) | bit(CAP_SETGID);
    case Right::signal_others:
      return bit(CAP_KILL);
  }
  return 0;
}

Result<void> lower(__rlimit_resource what, std::uint64_t value, const char* name) {
  rlimit limit{};
  if (::getrlimit(what, &limit) != 0) return system_error(std::string("read the limit on ") + name);
  const rlim_t wanted = std::min<rlim_t>(value, limit.rlim_max);
  limit.rlim_cur = limit.rlim_max = wanted;
  if (::setrlimit(what, &limit) != 0) return system_error(std::string("set the limit on ") + name);
  return {};
}

struct CapabilitySet {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
};

Result<std::uint64_t> permitted() {
  CapabilitySet set;
  if (::syscall(SYS_capget, &set.header, set.data) != 0) return system_error("read capabilities");
  return std::uint64_t{set.data[1].permitted} << 32 | set.data[0].permitted;
}

Result<void> set_capabilities(std::uint64_t keep) {
  CapabilitySet set;
  for (int half = 0; half < 2; ++half) {
    const auto bits = static_cast<std::uint32_t>(keep >> (32 * half));
    set.data[half].effective = set.data[half].permitted = bits;
    set.data[half].inheritable = 0;
  }
  if (::syscall(SYS_capset, &set.header, set.data) != 0) return system_error("give capabilities up");
  return {};
}

// Before the user changes: it needs CAP_SETPCAP. Without that right nothing could be gained from the set
// either, as no_new_privileges or the missing rights of the parent stand before it.
void shrink_bounding_set(std::uint64_t keep) {
  for (int capability = 0; capability <= 63; ++capability) {
    if ((keep >> capability & 1) == 0 && ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) {
      ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

Result<void> change_user(const User& user, bool keep_rights) {
  if (user.uid == ::geteuid() && user.uid == ::getuid() && user.gid == ::getegid()) return {};
  const Result<std::vector<std::uint32_t>> groups = groups_of(user);
  if (!groups) return groups.error();
  if (keep_rights && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return system_error("keep capabilities");
  const std::string who = "become user '" + user.name + "'";
  if (::setgroups(groups->size(), groups->data()) != 0) return system_error(who + ": groups");
  if (::setresgid(user.gid, user.gid, user.gid) != 0) return system_error(who + ": group");
  if (::setresuid(user.uid, user.uid, user.uid) != 0) return system_error(who);
  return {};
}

}  // namespace

Result<void> set_limits(const ResourceLimits& limits) {
  struct Item {
    __rlimit_resource what;
    std::optional<std::uint64_t> value;
    const char* name;
  };
  const Item items[] = {
      {RLIMIT_NOFILE, limits.open_files, "open files"},   {RLIMIT_AS, limits.memory_bytes, "memory"},
      {RLIMIT_NPROC, limits.processes, "processes"},      {RLIMIT_FSIZE, limits.file_bytes, "file sizes"},
      {RLIMIT_CPU, limits.cpu_seconds, "processor time"},
  };
  for (const Item& item : items) {
    if (!item.value) continue;
    if (Result<void> set = lower(item.what, *item.value, item.name); !set) return set;
  }
  if (!limits.core_dumps) return lower(RLIMIT_CORE, 0, "core dumps");
  return {};
}

Result<void> confine(const Confinement& confinement) {
  if (Result<void> set = set_limits(confinement.limits); !set) return set;
  const Result<std::uint64_t> had = permitted();
  if (!had) return had.error();
  std::uint64_t keep = 0;
  for (const Right right : confinement.keep) keep |= bits_of(right);
  keep &= *had;
  shrink_bounding_set(keep);
  if (confinement.user) {
    if (Result<void> changed = change_user(*confinement.user, keep != 0); !changed) return changed;
  }
  if (Result<void> set = set_capabilities(keep); !set) return set;
  if (confinement.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return system_error("forbid new privileges");
  }
  // Checked, not believed.
  const Result<std::uint64_t> left = permitted();
  if (!left) return left.error();
  const bool right_user =
      !confinement.user || (::getuid() == confinement.user->uid && ::geteuid() == confinement.user->uid);
  if ((*left & ~keep) != 0 || !right_user) return Error(Fault::internal, "rights were not given up");
  return {};
}

Result<void> forbid_inspection() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error("forbid inspection");
  return {};
}

void close_from(int first) {
  ::syscall(SYS_close_range, static_cast<unsigned>(first), UINT_MAX, 0u);
}

}  // namespace jump::platform
