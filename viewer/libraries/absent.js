// What stands in for parts of hyparquet that no file of a run needs; see bundle.mjs.
function refuse() {
  throw Error('a Parquet file of a form that runs do not have')
}
export { refuse as alpDecode, refuse as bloomEligibleColumns, refuse as decodeVariantColumn, refuse as readBloomFilter, refuse as wkbToGeojson }
