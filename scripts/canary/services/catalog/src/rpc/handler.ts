export type Handler = () => void;
