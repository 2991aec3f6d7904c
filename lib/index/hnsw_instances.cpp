// One compiled copy of the index classes, so that users of the library do not instantiate them.
#include <vecstore/index/hnsw.hpp>

namespace vecstore::index {

template class hnsw<growing_rows>;
template class hnsw<contiguous_rows>;

}  // namespace vecstore::index
