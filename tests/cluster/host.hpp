/// A process that holds one copy of a database and does what it is told in lines of text: `write <first> <count>`, `status`,
/// `missing <first> <count>`, `settled`, `load <points a second> <seconds>`.
#pragma once

#include <string>
#include <vector>

namespace vecstore::test {

struct host_options {
    std::string directory;
    std::string listen;
    std::vector<std::string> peers;
    std::string etcd;  ///< empty: the first of all leads, as a static primary
    bool primary = false;
};

int run_host(const host_options& options);

}  // namespace vecstore::test
