/// One visitor of a variant out of several lambdas.
#pragma once

namespace vecstore::filter {

template <class... Cases>
struct overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

}  // namespace vecstore::filter
