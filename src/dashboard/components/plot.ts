/** The drawing library with its styles, as one thing that can be loaded later. */
import 'uplot/dist/uPlot.min.css';
import Plot from 'uplot';

export default Plot;
