#include "platform/program.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>

namespace jump::platform {
namespace {

// Code is never written to, so nothing is lost. Not what is relocated: those pages exist only in this
// process.
int drop_code(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || (part.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = object->dlpi_addr + part.p_vaddr + part.p_memsz;
    static_cast<void>(::madvise(std::bit_cast<void*>(begin), end - begin, MADV_DONTNEED));  // or it stays
  }
  return 0;
}

}  // namespace

std::vector<std::string> begin_program(int argc, char** argv) {
  return {argv, argv + argc};
}

void trim_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(drop_code, nullptr);
}

}  // namespace jump::platform
